//! Regular expressions in Postgres' own syntax, where they mean here what they mean there.

use super::family;

family! {
    /// Functions of regular expressions.
    Pattern;

    Matches "~" (Text, Text) -> Bool: "whether it matches the expression";
    MatchesFold "~*" (Text, Text) -> Bool:
        "whether it matches the expression, without regard to case";
    MatchesNot "!~" (Text, Text) -> Bool: "whether it does not match the expression";
    MatchesNotFold "!~*" (Text, Text) -> Bool:
        "whether it does not match the expression, without regard to case";
    Like "regexp_like" (Text, Text) -> Bool: "whether it matches the expression";
    LikeFlags "regexp_like" (Text, Text, Text) -> Bool:
        "whether it matches the expression, with flags";
    Count "regexp_count" (Text, Text) -> Int4: "how often the expression matches";
    Match "regexp_match" (Text, Text) -> TextArray: "the groups of the first match, or NULL";
    MatchFlags "regexp_match" (Text, Text, Text) -> TextArray:
        "the groups of the first match, or NULL, with flags";
    Replace "regexp_replace" (Text, Text, Text) -> Text: "the first match replaced";
    ReplaceFlags "regexp_replace" (Text, Text, Text, Text) -> Text:
        "the first match, or with flag `g` each, replaced";
    SplitToArray "regexp_split_to_array" (Text, Text) -> TextArray: "the parts between matches";
    SplitToArrayFlags "regexp_split_to_array" (Text, Text, Text) -> TextArray:
        "the parts between matches, with flags";
    Substring "substring" (Text, Text) -> Text: "the first group of the first match, or all of it";
    Substr "regexp_substr" (Text, Text) -> Text: "the first match";
}
