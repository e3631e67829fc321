//! Arrays of any one element type.

use super::family;

family! {
    /// Functions of arrays.
    Array;

    Subscript "[]" (AnyArray; Int4) -> AnyElement:
        "`a[i]`: the element at a subscript, one for each dimension; NULL beyond the bounds";
    Slice "[:]" (AnyArray, Int4, Int4) -> AnyArray lax:
        "`a[i:j]`: the elements from one subscript to another; a bound left out is NULL";
    Length "array_length" (AnyArray, Int4) -> Int4: "the length in a dimension, NULL when empty";
    Lower "array_lower" (AnyArray, Int4) -> Int4: "the first subscript in a dimension";
    Upper "array_upper" (AnyArray, Int4) -> Int4: "the last subscript in a dimension";
    Ndims "array_ndims" (AnyArray) -> Int4: "the number of dimensions";
    Dims "array_dims" (AnyArray) -> Text: "the bounds of the dimensions";
    Cardinality "cardinality" (AnyArray) -> Int4: "the number of elements in all dimensions";
    Position "array_position" (CommonArray, Common) -> Int4 lax:
        "the subscript of the first such element";
    PositionFrom "array_position" (CommonArray, Common, Int4) -> Int4 lax:
        "the subscript of the first such element from one on";
    Positions "array_positions" (CommonArray, Common) -> Int4Array lax:
        "the subscripts of all such elements";
    Append "array_append" | "||" (CommonArray, Common) -> CommonArray lax:
        "with an element at the end";
    Prepend "array_prepend" | "||" (Common, CommonArray) -> CommonArray lax:
        "with an element at the front";
    Concat "array_cat" | "||" (CommonArray, CommonArray) -> CommonArray lax: "one after the other";
    Remove "array_remove" (CommonArray, Common) -> CommonArray lax: "without such elements";
    Replace "array_replace" (CommonArray, Common, Common) -> CommonArray lax:
        "with another element in the place of each such one";
    ToText "array_to_string" (AnyArray, Text) -> Text:
        "the elements as text with a separator between them, NULLs left out";
    ToTextNull "array_to_string" (AnyArray, Text, Text) -> Text lax:
        "the elements as text with a separator between them, NULLs as the third";
    FromText "string_to_array" (Text, Text) -> TextArray lax:
        "the parts between separators; each character without one";
    FromTextNull "string_to_array" (Text, Text, Text) -> TextArray lax:
        "the parts between separators, those equal to the third as NULL";
    Trim "trim_array" (AnyArray, Int4) -> AnyArray: "without so many elements at the end";
    Contains "@>" (AnyArray, AnyArray) -> Bool: "whether the first has all elements of the second";
    Contained "<@" (AnyArray, AnyArray) -> Bool: "whether the second has all elements of the first";
    Overlaps "&&" (AnyArray, AnyArray) -> Bool: "whether they have an element in common";
}
