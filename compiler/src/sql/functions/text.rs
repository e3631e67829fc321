//! Text and bytes. Characters are counted, not bytes; lower and upper case are Unicode's.

use super::family;

family! {
    /// Functions of text and bytes.
    Text;

    Concat "||" (Text, Text | Text, AnyElement | AnyElement, Text) -> Text: "one after the other";
    ConcatAll "concat" (; Any) -> Text lax: "all one after the other, NULLs left out";
    ConcatWs "concat_ws" (Text; Any) -> Text lax:
        "all but the first, with the first between them, NULLs left out";
    Lower "lower" (Text) -> Text: "in lower case";
    Upper "upper" (Text) -> Text: "in upper case";
    Initcap "initcap" (Text) -> Text: "each word with a capital, the rest in lower case";
    Length "length" | "char_length" | "character_length" (Text) -> Int4: "the number of characters";
    BpcharLength "length" | "char_length" | "character_length" (Bpchar) -> Int4:
        "the number of characters, blanks at the end left out";
    OctetLength "octet_length" (Text) -> Int4: "the number of bytes";
    BpcharOctetLength "octet_length" (Bpchar) -> Int4: "the number of bytes";
    BitLength "bit_length" (Text) -> Int4: "the number of bits";
    Trim "trim" | "btrim" (Text) -> Text: "without blanks at both ends";
    TrimOf "trim" | "btrim" (Text, Text) -> Text: "without characters of the second at both ends";
    Ltrim "ltrim" (Text) -> Text: "without blanks at the beginning";
    LtrimOf "ltrim" (Text, Text) -> Text: "without characters of the second at the beginning";
    Rtrim "rtrim" (Text) -> Text: "without blanks at the end";
    RtrimOf "rtrim" (Text, Text) -> Text: "without characters of the second at the end";
    Lpad "lpad" (Text, Int4) -> Text: "filled with blanks at the front, or cut, to a length";
    LpadWith "lpad" (Text, Int4, Text) -> Text:
        "filled with the third at the front, or cut, to a length";
    Rpad "rpad" (Text, Int4) -> Text: "filled with blanks at the end, or cut, to a length";
    RpadWith "rpad" (Text, Int4, Text) -> Text:
        "filled with the third at the end, or cut, to a length";
    Left "left" (Text, Int4) -> Text: "the first characters; all but the last when negative";
    Right "right" (Text, Int4) -> Text: "the last characters; all but the first when negative";
    Repeat "repeat" (Text, Int4) -> Text: "so many times";
    Replace "replace" (Text, Text, Text) -> Text:
        "each occurrence of the second replaced by the third";
    Reverse "reverse" (Text) -> Text: "the characters from the last to the first";
    SplitPart "split_part" (Text, Text, Int4) -> Text:
        "the part with that number between separators; from the end when negative";
    Position "strpos" | "position" (Text, Text) -> Int4:
        "where the second begins in the first, from 1; 0 when it does not";
    SubstringFrom "substring" | "substr" (Text, Int4) -> Text: "the characters from a position on";
    SubstringFor "substring" | "substr" (Text, Int4, Int4) -> Text:
        "so many characters from a position on";
    Overlay "overlay" (Text, Text, Int4) -> Text:
        "with the second put over the characters from a position on";
    OverlayFor "overlay" (Text, Text, Int4, Int4) -> Text:
        "with the second put in place of so many characters from a position on";
    Translate "translate" (Text, Text, Text) -> Text:
        "each character of the second replaced by that of the third at its place, or dropped";
    Ascii "ascii" (Text) -> Int4: "the number of the first character";
    Chr "chr" (Int4) -> Text: "the character with that number";
    StartsWith "starts_with" | "^@" (Text, Text) -> Bool:
        "whether the first begins with the second";
    Md5 "md5" (Text) -> Text: "the MD5 hash in hexadecimal";
    Md5Bytes "md5" (Bytea) -> Text: "the MD5 hash in hexadecimal";
    Sha224 "sha224" (Bytea) -> Bytea: "the SHA-224 hash";
    Sha256 "sha256" (Bytea) -> Bytea: "the SHA-256 hash";
    Sha384 "sha384" (Bytea) -> Bytea: "the SHA-384 hash";
    Sha512 "sha512" (Bytea) -> Bytea: "the SHA-512 hash";
    QuoteIdent "quote_ident" (Text) -> Text: "as a name in SQL, quoted where needed";
    QuoteLiteral "quote_literal" (Text | AnyElement) -> Text: "as a text in SQL";
    QuoteNullable "quote_nullable" (Text | AnyElement) -> Text lax:
        "as a text in SQL, or the word NULL";
    FormatText "format" (Text; Any) -> Text lax:
        "the first with `%s`, `%I` and `%L` filled by the others";
    Int4ToHex "to_hex" (Int4) -> Text: "in hexadecimal";
    Int8ToHex "to_hex" (Int8) -> Text: "in hexadecimal";
    BytesConcat "||" (Bytea, Bytea) -> Bytea: "one after the other";
    BytesLength "length" | "octet_length" (Bytea) -> Int4: "the number of bytes";
    BytesSubstringFrom "substring" | "substr" (Bytea, Int4) -> Bytea:
        "the bytes from a position on";
    BytesSubstringFor "substring" | "substr" (Bytea, Int4, Int4) -> Bytea:
        "so many bytes from a position on";
    BytesPosition "position" (Bytea, Bytea) -> Int4:
        "where the second begins in the first, from 1; 0 when it does not";
    GetByte "get_byte" (Bytea, Int4) -> Int4: "the byte at a position, from 0";
    Encode "encode" (Bytea, Text) -> Text: "bytes as text, in `hex`, `base64` or `escape`";
    Decode "decode" (Text, Text) -> Bytea: "text as bytes, from `hex`, `base64` or `escape`";
    ConvertFrom "convert_from" (Bytea, Text) -> Text:
        "bytes of an encoding as text; the encoding is UTF8";
    ConvertTo "convert_to" (Text, Text) -> Bytea:
        "text as bytes of an encoding; the encoding is UTF8";
    NumNulls "num_nulls" (; Any) -> Int4 lax: "how many of them are NULL";
    NumNonnulls "num_nonnulls" (; Any) -> Int4 lax: "how many of them are not NULL";
}
