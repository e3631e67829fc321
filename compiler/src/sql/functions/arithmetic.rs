//! Numbers: integers that overflow, numerics that keep their digits, floats.
//!
//! Postgres has operators between integers of two sizes, and between the two floats; they decide
//! which overload other arguments take, so they stand here as further signatures.

use super::family;

family! {
    /// Functions of numbers.
    Arithmetic;

    Int2Add "+" (Int2, Int2) -> Int2: "the sum";
    Int4Add "+" (Int4, Int4 | Int2, Int4 | Int4, Int2) -> Int4: "the sum";
    Int8Add "+" (Int8, Int8 | Int2, Int8 | Int8, Int2 | Int4, Int8 | Int8, Int4) -> Int8: "the sum";
    Float4Add "+" (Float4, Float4) -> Float4: "the sum";
    Float8Add "+" (Float8, Float8 | Float4, Float8 | Float8, Float4) -> Float8: "the sum";
    NumericAdd "+" (Numeric, Numeric) -> Numeric: "the sum";
    Int2Subtract "-" (Int2, Int2) -> Int2: "the difference";
    Int4Subtract "-" (Int4, Int4 | Int2, Int4 | Int4, Int2) -> Int4: "the difference";
    Int8Subtract "-" (Int8, Int8 | Int2, Int8 | Int8, Int2 | Int4, Int8 | Int8, Int4) -> Int8:
        "the difference";
    Float4Subtract "-" (Float4, Float4) -> Float4: "the difference";
    Float8Subtract "-" (Float8, Float8 | Float4, Float8 | Float8, Float4) -> Float8:
        "the difference";
    NumericSubtract "-" (Numeric, Numeric) -> Numeric: "the difference";
    Int2Multiply "*" (Int2, Int2) -> Int2: "the product";
    Int4Multiply "*" (Int4, Int4 | Int2, Int4 | Int4, Int2) -> Int4: "the product";
    Int8Multiply "*" (Int8, Int8 | Int2, Int8 | Int8, Int2 | Int4, Int8 | Int8, Int4) -> Int8:
        "the product";
    Float4Multiply "*" (Float4, Float4) -> Float4: "the product";
    Float8Multiply "*" (Float8, Float8 | Float4, Float8 | Float8, Float4) -> Float8: "the product";
    NumericMultiply "*" (Numeric, Numeric) -> Numeric: "the product";
    Int2Divide "/" (Int2, Int2) -> Int2: "the quotient, cut off towards zero";
    Int4Divide "/" (Int4, Int4 | Int2, Int4 | Int4, Int2) -> Int4:
        "the quotient, cut off towards zero";
    Int8Divide "/" (Int8, Int8 | Int2, Int8 | Int8, Int2 | Int4, Int8 | Int8, Int4) -> Int8:
        "the quotient, cut off towards zero";
    Float4Divide "/" (Float4, Float4) -> Float4: "the quotient";
    Float8Divide "/" (Float8, Float8 | Float4, Float8 | Float8, Float4) -> Float8: "the quotient";
    NumericDivide "/" (Numeric, Numeric) -> Numeric: "the quotient";
    Int2Modulo "%" | "mod" (Int2, Int2) -> Int2: "the remainder, of the sign of the first";
    Int4Modulo "%" | "mod" (Int4, Int4) -> Int4: "the remainder, of the sign of the first";
    Int8Modulo "%" | "mod" (Int8, Int8) -> Int8: "the remainder, of the sign of the first";
    NumericModulo "%" | "mod" (Numeric, Numeric) -> Numeric:
        "the remainder, of the sign of the first";
    Int2Negate "-" (Int2) -> Int2: "the same with the other sign";
    Int4Negate "-" (Int4) -> Int4: "the same with the other sign";
    Int8Negate "-" (Int8) -> Int8: "the same with the other sign";
    Float4Negate "-" (Float4) -> Float4: "the same with the other sign";
    Float8Negate "-" (Float8) -> Float8: "the same with the other sign";
    NumericNegate "-" (Numeric) -> Numeric: "the same with the other sign";
    Int2Abs "abs" | "@" (Int2) -> Int2: "without its sign";
    Int4Abs "abs" | "@" (Int4) -> Int4: "without its sign";
    Int8Abs "abs" | "@" (Int8) -> Int8: "without its sign";
    Float4Abs "abs" | "@" (Float4) -> Float4: "without its sign";
    Float8Abs "abs" | "@" (Float8) -> Float8: "without its sign";
    NumericAbs "abs" | "@" (Numeric) -> Numeric: "without its sign";
    Float8Power "power" | "pow" | "^" (Float8, Float8) -> Float8: "the first raised to the second";
    Float8Sqrt "sqrt" | "|/" (Float8) -> Float8: "the square root";
    Float8Exp "exp" (Float8) -> Float8: "e raised to it";
    Float8Ln "ln" (Float8) -> Float8: "the natural logarithm";
    Float8Log "log" | "log10" (Float8) -> Float8: "the logarithm to base 10";
    Float8Ceil "ceil" | "ceiling" (Float8) -> Float8: "the least whole number not below";
    Float8Floor "floor" (Float8) -> Float8: "the greatest whole number not above";
    Float8Round "round" (Float8) -> Float8: "the nearest whole number, halves to the even one";
    Float8Trunc "trunc" (Float8) -> Float8: "cut off towards zero";
    Float8Sign "sign" (Float8) -> Float8: "-1, 0 or 1";
    NumericPower "power" | "pow" | "^" (Numeric, Numeric) -> Numeric:
        "the first raised to the second";
    NumericSqrt "sqrt" (Numeric) -> Numeric: "the square root";
    NumericExp "exp" (Numeric) -> Numeric: "e raised to it";
    NumericLn "ln" (Numeric) -> Numeric: "the natural logarithm";
    NumericLog "log" | "log10" (Numeric) -> Numeric: "the logarithm to base 10";
    NumericCeil "ceil" | "ceiling" (Numeric) -> Numeric: "the least whole number not below";
    NumericFloor "floor" (Numeric) -> Numeric: "the greatest whole number not above";
    NumericRound "round" (Numeric) -> Numeric: "the nearest whole number, halves away from zero";
    NumericTrunc "trunc" (Numeric) -> Numeric: "cut off towards zero";
    NumericSign "sign" (Numeric) -> Numeric: "-1, 0 or 1";
    NumericLogBase "log" (Numeric, Numeric) -> Numeric:
        "the logarithm of the second to the base of the first";
    NumericRoundTo "round" (Numeric, Int4) -> Numeric: "rounded to so many digits after the point";
    NumericTruncTo "trunc" (Numeric, Int4) -> Numeric: "cut off to so many digits after the point";
    NumericDiv "div" (Numeric, Numeric) -> Numeric: "the whole quotient, cut off towards zero";
    NumericScale "scale" (Numeric) -> Int4: "digits after the point";
    NumericMinScale "min_scale" (Numeric) -> Int4: "digits after the point that are needed";
    NumericTrimScale "trim_scale" (Numeric) -> Numeric: "without zeros at the end";
    Int4Gcd "gcd" (Int4, Int4) -> Int4: "the greatest common divisor";
    Int4Lcm "lcm" (Int4, Int4) -> Int4: "the least common multiple";
    Int8Gcd "gcd" (Int8, Int8) -> Int8: "the greatest common divisor";
    Int8Lcm "lcm" (Int8, Int8) -> Int8: "the least common multiple";
    NumericGcd "gcd" (Numeric, Numeric) -> Numeric: "the greatest common divisor";
    NumericLcm "lcm" (Numeric, Numeric) -> Numeric: "the least common multiple";
    Float8Cbrt "cbrt" | "||/" (Float8) -> Float8: "the cube root";
    Float8Degrees "degrees" (Float8) -> Float8: "radians as degrees";
    Float8Radians "radians" (Float8) -> Float8: "degrees as radians";
    Pi "pi" () -> Float8: "the number pi";
    Float8Sin "sin" (Float8) -> Float8: "the sine, in radians";
    Float8Cos "cos" (Float8) -> Float8: "the cosine, in radians";
    Float8Tan "tan" (Float8) -> Float8: "the tangent, in radians";
    Float8Asin "asin" (Float8) -> Float8: "the inverse sine, in radians";
    Float8Acos "acos" (Float8) -> Float8: "the inverse cosine, in radians";
    Float8Atan "atan" (Float8) -> Float8: "the inverse tangent, in radians";
    Float8Atan2 "atan2" (Float8, Float8) -> Float8:
        "the inverse tangent of the quotient, in radians";
    Float8WidthBucket "width_bucket" (Float8, Float8, Float8, Int4) -> Int4:
        "in which of so many equal parts between two bounds it lies";
    NumericWidthBucket "width_bucket" (Numeric, Numeric, Numeric, Int4) -> Int4:
        "in which of so many equal parts between two bounds it lies";
    Int2BitAnd "&" (Int2, Int2) -> Int2: "bits set in both";
    Int2BitOr "|" (Int2, Int2) -> Int2: "bits set in either";
    Int2BitXor "#" (Int2, Int2) -> Int2: "bits set in one of them only";
    Int2BitNot "~" (Int2) -> Int2: "all bits turned";
    Int2ShiftLeft "<<" (Int2, Int4) -> Int2: "bits moved up by so many places";
    Int2ShiftRight ">>" (Int2, Int4) -> Int2: "bits moved down by so many places";
    Int4BitAnd "&" (Int4, Int4) -> Int4: "bits set in both";
    Int4BitOr "|" (Int4, Int4) -> Int4: "bits set in either";
    Int4BitXor "#" (Int4, Int4) -> Int4: "bits set in one of them only";
    Int4BitNot "~" (Int4) -> Int4: "all bits turned";
    Int4ShiftLeft "<<" (Int4, Int4) -> Int4: "bits moved up by so many places";
    Int4ShiftRight ">>" (Int4, Int4) -> Int4: "bits moved down by so many places";
    Int8BitAnd "&" (Int8, Int8) -> Int8: "bits set in both";
    Int8BitOr "|" (Int8, Int8) -> Int8: "bits set in either";
    Int8BitXor "#" (Int8, Int8) -> Int8: "bits set in one of them only";
    Int8BitNot "~" (Int8) -> Int8: "all bits turned";
    Int8ShiftLeft "<<" (Int8, Int4) -> Int8: "bits moved up by so many places";
    Int8ShiftRight ">>" (Int8, Int4) -> Int8: "bits moved down by so many places";
}
