//! `json`, which is text as it was written, and `jsonb`, which is sorted and without duplicates.

use super::family;

family! {
    /// Functions of JSON.
    Json;

    JsonGet "->" (Json, Text) -> Json: "the value of a key";
    JsonAt "->" (Json, Int4) -> Json:
        "the element at a position, from 0; from the end when negative";
    JsonGetText "->>" (Json, Text) -> Text: "the value of a key as text";
    JsonAtText "->>" (Json, Int4) -> Text: "the element at a position as text";
    JsonPath "#>" (Json, TextArray) -> Json: "the value at a path";
    JsonPathText "#>>" (Json, TextArray) -> Text: "the value at a path as text";
    JsonExtractPath "json_extract_path" (Json; Text) -> Json: "the value at a path";
    JsonExtractPathText "json_extract_path_text" (Json; Text) -> Text:
        "the value at a path as text";
    JsonTypeof "json_typeof" (Json) -> Text:
        "`object`, `array`, `string`, `number`, `boolean` or `null`";
    JsonArrayLength "json_array_length" (Json) -> Int4: "the number of elements";
    JsonStripNulls "json_strip_nulls" (Json) -> Json: "without the keys whose value is null";
    ToJson "to_json" (AnyElement) -> Json: "any value as JSON";
    JsonBuildObject "json_build_object" (; Any) -> Json lax: "an object of keys and values in turn";
    JsonBuildArray "json_build_array" (; Any) -> Json lax: "an array of the values";
    JsonObject "json_object" (TextArray) -> Json: "an object of texts, keys and values in turn";
    JsonObjectOf "json_object" (TextArray, TextArray) -> Json:
        "an object of texts, of keys and values";
    JsonbGet "->" (Jsonb, Text) -> Jsonb: "the value of a key";
    JsonbAt "->" (Jsonb, Int4) -> Jsonb:
        "the element at a position, from 0; from the end when negative";
    JsonbGetText "->>" (Jsonb, Text) -> Text: "the value of a key as text";
    JsonbAtText "->>" (Jsonb, Int4) -> Text: "the element at a position as text";
    JsonbPath "#>" (Jsonb, TextArray) -> Jsonb: "the value at a path";
    JsonbPathText "#>>" (Jsonb, TextArray) -> Text: "the value at a path as text";
    JsonbExtractPath "jsonb_extract_path" (Jsonb; Text) -> Jsonb: "the value at a path";
    JsonbExtractPathText "jsonb_extract_path_text" (Jsonb; Text) -> Text:
        "the value at a path as text";
    JsonbTypeof "jsonb_typeof" (Jsonb) -> Text:
        "`object`, `array`, `string`, `number`, `boolean` or `null`";
    JsonbArrayLength "jsonb_array_length" (Jsonb) -> Int4: "the number of elements";
    JsonbStripNulls "jsonb_strip_nulls" (Jsonb) -> Jsonb: "without the keys whose value is null";
    ToJsonb "to_jsonb" (AnyElement) -> Jsonb: "any value as JSON";
    JsonbBuildObject "jsonb_build_object" (; Any) -> Jsonb lax:
        "an object of keys and values in turn";
    JsonbBuildArray "jsonb_build_array" (; Any) -> Jsonb lax: "an array of the values";
    JsonbObject "jsonb_object" (TextArray) -> Jsonb: "an object of texts, keys and values in turn";
    JsonbObjectOf "jsonb_object" (TextArray, TextArray) -> Jsonb:
        "an object of texts, of keys and values";
    ArrayToJson "array_to_json" (AnyArray) -> Json: "an array as JSON";
    Contains "@>" (Jsonb, Jsonb) -> Bool: "whether the first contains the second";
    Contained "<@" (Jsonb, Jsonb) -> Bool: "whether the second contains the first";
    HasKey "?" (Jsonb, Text) -> Bool: "whether the key or the text is in it, at the top";
    HasAny "?|" (Jsonb, TextArray) -> Bool: "whether one of the keys or texts is in it, at the top";
    HasAll "?&" (Jsonb, TextArray) -> Bool:
        "whether all of the keys or texts are in it, at the top";
    JsonbConcat "||" (Jsonb, Jsonb) -> Jsonb:
        "objects put together, of a key in both the second's; arrays one after the other";
    DeleteKey "-" (Jsonb, Text) -> Jsonb: "without the key or the text";
    DeleteKeys "-" (Jsonb, TextArray) -> Jsonb: "without the keys or texts";
    DeleteAt "-" (Jsonb, Int4) -> Jsonb: "without the element at a position";
    DeletePath "#-" (Jsonb, TextArray) -> Jsonb: "without what is at a path";
    Set "jsonb_set" (Jsonb, TextArray, Jsonb) -> Jsonb: "with a value put at a path";
    SetOrNot "jsonb_set" (Jsonb, TextArray, Jsonb, Bool) -> Jsonb:
        "with a value put at a path, if it is there or the fourth is true";
    Insert "jsonb_insert" (Jsonb, TextArray, Jsonb) -> Jsonb: "with a value put in before a path";
    InsertAfter "jsonb_insert" (Jsonb, TextArray, Jsonb, Bool) -> Jsonb:
        "with a value put in before a path, or after it";
    Pretty "jsonb_pretty" (Jsonb) -> Text: "with line breaks and indents";
}
