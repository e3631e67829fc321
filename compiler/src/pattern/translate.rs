//! Postgres' syntax to the engine's, character by character, so that nothing passes that was not
//! understood.

use super::PatternError;

/// Letters and digits: what the C library calls so in a UTF-8 locale.
const ALNUM: &str = r"\p{Alphabetic}\p{Nd}";
const SPACE: &str =
    r"\t\n\x0b\x0c\r \x{1680}\x{2000}-\x{2006}\x{2008}-\x{200a}\x{2028}\x{2029}\x{205f}\x{3000}";
/// The most a repetition may count to.
const MOST_REPEATED: u32 = 255;
/// The most characters of a range that are looked at one by one for their other case.
const MOST_FOLDED: u32 = 2000;

/// The engine's form, the number of groups, and whether a quantifier takes as little as possible.
pub(super) fn translate(pattern: &str, fold: bool) -> Result<(String, usize, bool), PatternError> {
    let (rest, fold) = embedded(pattern, fold)?;
    let mut translation = Translation {
        rest: rest.chars().collect(),
        at: 0,
        out: "(?s)".to_owned(),
        groups: 0,
        lazy: false,
        fold,
    };
    translation.branches(0)?;
    if translation.at < translation.rest.len() {
        return invalid("parentheses () not balanced");
    }
    Ok((translation.out, translation.groups, translation.lazy))
}

/// `(?i)` at the beginning.
fn embedded(pattern: &str, fold: bool) -> Result<(&str, bool), PatternError> {
    if pattern.starts_with("***") {
        return unsupported("a director `***`");
    }
    let Some(options) = pattern.strip_prefix("(?") else { return Ok((pattern, fold)) };
    let Some((letters, rest)) = options.split_once(')') else { return Ok((pattern, fold)) };
    if letters.is_empty() || !letters.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Ok((pattern, fold));
    }
    let (within, each) = super::flags(letters)?;
    if each {
        return invalid("invalid embedded option");
    }
    Ok((rest, if letters.contains(['i', 'c']) { within } else { fold }))
}

fn invalid<T>(message: &str) -> Result<T, PatternError> {
    Err(PatternError::Invalid(format!("invalid regular expression: {message}")))
}

fn unsupported<T>(what: impl Into<String>) -> Result<T, PatternError> {
    Err(PatternError::Unsupported(what.into()))
}

struct Translation {
    rest: Vec<char>,
    at: usize,
    out: String,
    groups: usize,
    lazy: bool,
    fold: bool,
}

impl Translation {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    fn takes(&mut self, text: &str) -> bool {
        let length = text.chars().count();
        let found = self.rest[self.at..].starts_with(&text.chars().collect::<Vec<_>>());
        self.at += if found { length } else { 0 };
        found
    }

    /// Alternatives, up to a `)` or the end.
    fn branches(&mut self, depth: u32) -> Result<(), PatternError> {
        if depth > 50 {
            return unsupported("nesting this deep");
        }
        // Whether something that can be repeated stands before.
        let mut atom = false;
        while let Some(character) = self.peek() {
            match character {
                ')' if depth > 0 => return Ok(()),
                ')' => return invalid("parentheses () not balanced"),
                '|' => {
                    self.at += 1;
                    self.out.push('|');
                    atom = false;
                }
                '*' | '+' | '?' => {
                    if !atom {
                        return invalid("quantifier operand invalid");
                    }
                    self.at += 1;
                    self.out.push(character);
                    self.least()?;
                    atom = false;
                }
                '{' if self.rest.get(self.at + 1).is_some_and(char::is_ascii_digit) => {
                    if !atom {
                        return invalid("quantifier operand invalid");
                    }
                    self.at += 1;
                    self.bound()?;
                    self.least()?;
                    atom = false;
                }
                '^' => {
                    self.at += 1;
                    self.out.push_str("\\A");
                    atom = false;
                }
                '$' => {
                    self.at += 1;
                    self.out.push_str("\\z");
                    atom = false;
                }
                _ => {
                    self.atom(depth)?;
                    atom = true;
                }
            }
        }
        match depth {
            0 => Ok(()),
            _ => invalid("parentheses () not balanced"),
        }
    }

    /// `?` after a quantifier; another quantifier is an error.
    fn least(&mut self) -> Result<(), PatternError> {
        if self.peek() == Some('?') {
            self.at += 1;
            self.out.push('?');
            self.lazy = true;
        }
        match self.peek() {
            Some('*' | '+' | '?') => invalid("quantifier operand invalid"),
            _ => Ok(()),
        }
    }

    fn bound(&mut self) -> Result<(), PatternError> {
        let least = self.number()?;
        let most = match self.next() {
            Some('}') => Some(least),
            Some(',') if self.peek() == Some('}') => {
                self.at += 1;
                None
            }
            Some(',') => {
                let most = self.number()?;
                match self.next() {
                    Some('}') if most >= least => Some(most),
                    _ => return invalid("invalid repetition count(s)"),
                }
            }
            _ => return invalid("invalid repetition count(s)"),
        };
        self.out += &match most {
            Some(most) => format!("{{{least},{most}}}"),
            None => format!("{{{least},}}"),
        };
        Ok(())
    }

    fn number(&mut self) -> Result<u32, PatternError> {
        let mut number = 0;
        let mut any = false;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            self.at += 1;
            number = number * 10 + digit;
            any = true;
            if number > MOST_REPEATED {
                return invalid("invalid repetition count(s)");
            }
        }
        if any { Ok(number) } else { invalid("invalid repetition count(s)") }
    }

    fn atom(&mut self, depth: u32) -> Result<(), PatternError> {
        match self.next() {
            Some('(') => {
                if self.takes("?:") {
                    self.out.push_str("(?:");
                } else if self.takes("?=") || self.takes("?!") {
                    return unsupported("looking ahead");
                } else if self.takes("?<=") || self.takes("?<!") {
                    return unsupported("looking behind");
                } else if self.takes("?#") {
                    return unsupported("a comment");
                } else if self.peek() == Some('?') {
                    return invalid("quantifier operand invalid");
                } else {
                    self.groups += 1;
                    self.out.push('(');
                }
                self.branches(depth + 1)?;
                self.at += 1;
                self.out.push(')');
            }
            Some('[') => self.bracket()?,
            Some('.') => self.out.push('.'),
            Some('\\') => self.escape()?,
            Some(character) => self.literal(character),
            None => {}
        }
        Ok(())
    }

    /// One character, or either case of it.
    fn literal(&mut self, character: char) {
        let [lower, upper] = if self.fold { cases(character) } else { [character; 2] };
        if lower == upper {
            push(lower, &mut self.out);
        } else {
            self.out.push('[');
            push(lower, &mut self.out);
            push(upper, &mut self.out);
            self.out.push(']');
        }
    }

    fn escape(&mut self) -> Result<(), PatternError> {
        let Some(character) = self.next() else {
            return invalid("invalid escape \\ sequence");
        };
        if let Some(class) = class_escape(character) {
            self.out += &class;
            return Ok(());
        }
        match character {
            'A' => self.out.push_str("\\A"),
            'Z' => self.out.push_str("\\z"),
            'm' | 'M' | 'y' | 'Y' => return unsupported("a boundary of words"),
            '1'..='9' => return unsupported("a back reference"),
            other => {
                let character = self.plain_escape(other)?;
                self.literal(character);
            }
        }
        Ok(())
    }

    /// An escape that stands for one character.
    fn plain_escape(&mut self, character: char) -> Result<char, PatternError> {
        Ok(match character {
            'a' => '\x07',
            'b' => '\x08',
            'e' => '\x1b',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'B' => '\\',
            'u' | 'U' => {
                let length = if character == 'u' { 4 } else { 8 };
                let mut code = 0u32;
                for _ in 0..length {
                    let digit = self.next().and_then(|c| c.to_digit(16));
                    let Some(digit) = digit else { return invalid("invalid escape \\ sequence") };
                    code = code << 4 | digit;
                }
                match char::from_u32(code).filter(|c| *c != '\0') {
                    Some(character) => character,
                    None => return invalid("invalid escape \\ sequence"),
                }
            }
            'c' | 'x' | '0' => return unsupported(format!("the escape `\\{character}`")),
            other if other.is_ascii_alphanumeric() => {
                return invalid("invalid escape \\ sequence");
            }
            other => other,
        })
    }

    /// What stands between brackets.
    fn bracket(&mut self) -> Result<(), PatternError> {
        let mut class = String::new();
        let negated = self.takes("^");
        let mut first = true;
        loop {
            let Some(character) = self.next() else { return invalid("brackets [] not balanced") };
            let start = match character {
                ']' if !first => break,
                '[' if matches!(self.peek(), Some('.' | '=')) => {
                    return unsupported("a collating element");
                }
                '[' if self.peek() == Some(':') => {
                    self.at += 1;
                    self.named(&mut class)?;
                    first = false;
                    continue;
                }
                '\\' => {
                    let Some(escaped) = self.next() else {
                        return invalid("invalid escape \\ sequence");
                    };
                    match class_escape(escaped) {
                        Some(inner) if escaped.is_ascii_lowercase() => {
                            class += &inner;
                            first = false;
                            continue;
                        }
                        Some(_) => return invalid("invalid escape \\ sequence"),
                        None => self.plain_escape(escaped)?,
                    }
                }
                other => other,
            };
            first = false;
            let ranges = self.peek() == Some('-')
                && self.rest.get(self.at + 1).is_some_and(|next| *next != ']');
            let end = match ranges {
                false => start,
                true => {
                    self.at += 1;
                    match self.next() {
                        Some('[') if matches!(self.peek(), Some(':' | '.' | '=')) => {
                            return invalid("invalid character range");
                        }
                        Some('\\') => {
                            let Some(escaped) = self.next() else {
                                return invalid("invalid escape \\ sequence");
                            };
                            if class_escape(escaped).is_some() {
                                return invalid("invalid character range");
                            }
                            self.plain_escape(escaped)?
                        }
                        Some(end) => end,
                        None => return invalid("brackets [] not balanced"),
                    }
                }
            };
            self.range(start, end, &mut class)?;
        }
        self.out += &format!("[{}{class}]", if negated { "^" } else { "" });
        Ok(())
    }

    fn range(&self, start: char, end: char, class: &mut String) -> Result<(), PatternError> {
        if end < start {
            return invalid("invalid character range");
        }
        if self.fold {
            if u32::from(end) - u32::from(start) > MOST_FOLDED {
                return unsupported("a wide range without regard to case");
            }
            for character in start..=end {
                for one in cases(character) {
                    push(one, class);
                }
            }
        }
        push(start, class);
        if end > start {
            class.push('-');
            push(end, class);
        }
        Ok(())
    }

    /// `[:name:]` inside brackets, the first colon taken.
    fn named(&mut self, class: &mut String) -> Result<(), PatternError> {
        let mut name = String::new();
        while let Some(letter) = self.peek().filter(char::is_ascii_alphabetic) {
            name.push(letter);
            self.at += 1;
        }
        if !self.takes(":]") {
            return invalid("brackets [] not balanced");
        }
        let inner = match (name.as_str(), self.fold) {
            ("alnum", _) => ALNUM,
            ("alpha", _) | ("upper" | "lower", true) => r"\p{Alphabetic}",
            ("upper", false) => r"\p{Uppercase}",
            ("lower", false) => r"\p{Lowercase}",
            ("digit", _) => "0-9",
            ("xdigit", _) => "0-9a-fA-F",
            ("space", _) => SPACE,
            ("blank", _) => r"\t ",
            ("word", _) => r"\p{Alphabetic}\p{Nd}_",
            ("ascii", _) => r"\x00-\x7f",
            ("punct" | "print" | "graph" | "cntrl", _) => {
                return unsupported(format!("the class `[:{name}:]`"));
            }
            _ => return invalid("invalid character class"),
        };
        class.push_str(inner);
        Ok(())
    }
}

/// `\d` and its like, in brackets.
fn class_escape(character: char) -> Option<String> {
    Some(match character {
        'd' => "[0-9]".to_owned(),
        'D' => "[^0-9]".to_owned(),
        's' => format!("[{SPACE}]"),
        'S' => format!("[^{SPACE}]"),
        'w' => format!("[{ALNUM}_]"),
        'W' => format!("[^{ALNUM}_]"),
        _ => return None,
    })
}

/// Both cases of a character, where each is a single one.
fn cases(character: char) -> [char; 2] {
    // Only `İ` becomes two, an `i` and its dot.
    let lower = character.to_lowercase().next().unwrap_or(character);
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => [lower, upper],
        _ => [lower, character],
    }
}

/// A character that stands for itself, in and out of brackets.
fn push(character: char, out: &mut String) {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '\u{80}'.. => out.push(character),
        special => *out += &format!("\\x{:02x}", u32::from(special)),
    }
}
