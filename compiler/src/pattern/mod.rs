//! Regular expressions in Postgres' syntax, as far as they mean the same to the engine here.
//!
//! Postgres takes the longest of the leftmost matches, the engine the first that its alternatives
//! lead to. Whether there is a match at all does not depend on it. Where a match ends and what its
//! groups hold does, unless the pattern is [determined](Pattern::determined): then each text can
//! match in one way only, and both agree. What has no counterpart (back references, looking around,
//! classes by locale) is refused with the reason.

mod determined;
mod translate;

/// A pattern that means the same to both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// In the syntax of the engine.
    pub regex: String,
    /// How many groups capture.
    pub groups: usize,
    /// Why the end of a match or its groups may differ; none when they cannot.
    pub ambiguous: Option<&'static str>,
}

/// Reads a pattern; `fold` is without regard to case. The error says what is not supported, or is
/// no regular expression.
pub fn read(pattern: &str, fold: bool) -> Result<Pattern, PatternError> {
    let (regex, groups, lazy) = translate::translate(pattern, fold)?;
    let hir = regex_syntax::ParserBuilder::new()
        .nest_limit(100)
        .build()
        .parse(&regex)
        .map_err(|_| PatternError::Invalid("invalid regular expression".to_owned()))?;
    let ambiguous = match lazy {
        true => Some("it repeats as little as possible"),
        false => determined::ambiguous(&hir),
    };
    Ok(Pattern { regex, groups, ambiguous })
}

/// Flags of `regexp_replace` and its like: whether without regard to case, and whether each match.
/// The error names a flag that is not supported.
pub fn flags(flags: &str) -> Result<(bool, bool), PatternError> {
    let mut fold = false;
    let mut each = false;
    for flag in flags.chars() {
        match flag {
            'i' => fold = true,
            'c' => fold = false,
            'g' => each = true,
            // The default: line breaks are nothing special.
            's' | 't' => {}
            'b' | 'e' | 'm' | 'n' | 'p' | 'q' | 'w' | 'x' => {
                return Err(PatternError::Unsupported(format!("the flag `{flag}`")));
            }
            _ => {
                let message = format!("invalid regular expression option: \"{flag}\"");
                return Err(PatternError::Invalid(message));
            }
        }
    }
    Ok((fold, each))
}

/// Why a pattern is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// Postgres refuses it too.
    Invalid(String),
    /// Postgres takes it; what is in it.
    Unsupported(String),
}

impl PatternError {
    /// What to do about it.
    pub fn cure(&self) -> &'static str {
        match self {
            PatternError::Invalid(_) => "a sign that means itself stands after a `\\`",
            PatternError::Unsupported(_) => "match without it, and test the rest by another `~`",
        }
    }
}

impl std::fmt::Display for PatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PatternError::Invalid(message) => f.write_str(message),
            PatternError::Unsupported(what) => {
                write!(f, "{what} in a regular expression is not supported")
            }
        }
    }
}

impl std::error::Error for PatternError {}

#[cfg(test)]
mod tests;
