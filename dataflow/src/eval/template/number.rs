//! Numbers by a template: `999,990.99`, `FM9.9`, `S99`, `99PR`.
//!
//! The digits are laid out from the left as Postgres does, place by place, since what it makes of
//! odd templates comes from that.

use super::ordinal;
use super::tokens::{Token, tokens};
use crate::eval::error::{EvalError, Evaluated};
use crate::eval::form;
use crate::eval::numeric::Toward;
use crate::eval::value::{Arena, Draft, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Nine,
    Zero,
    Point,
    Comma,
    Minus,
    Plus,
    PlusMinus,
    Sign,
    Brackets,
    Fill,
    Blank,
    Ordinal,
    /// A currency, an exponent, Roman numerals, shifted digits.
    Unknown,
}

const WORDS: &[(&str, Word)] = &[
    ("EEEE", Word::Unknown),
    ("FM", Word::Fill),
    ("MI", Word::Minus),
    ("PL", Word::Plus),
    ("PR", Word::Brackets),
    ("RN", Word::Unknown),
    ("SG", Word::PlusMinus),
    ("SP", Word::Unknown),
    ("TH", Word::Ordinal),
    ("S", Word::Sign),
    ("G", Word::Comma),
    ("D", Word::Point),
    ("L", Word::Unknown),
    ("V", Word::Unknown),
    ("B", Word::Blank),
    ("C", Word::Blank),
    ("9", Word::Nine),
    ("0", Word::Zero),
    (".", Word::Point),
    (",", Word::Comma),
];

/// Where the sign of `S` goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Anchored {
    No,
    Before,
    After,
}

/// A template read.
struct Layout<'t> {
    tokens: Vec<Token<'t, Word>>,
    /// Places before and after the point.
    before: usize,
    after: usize,
    point: bool,
    fill: bool,
    minus: bool,
    plus: bool,
    brackets: bool,
    sign: Anchored,
    /// Places before the sign of `S`.
    before_sign: usize,
    /// The first place with a zero, and the last.
    zeros: Option<(usize, usize)>,
}

/// A number of any type written by a template.
pub(crate) fn number<'a>(value: Value<'a>, template: &str, arena: &'a Arena) -> Evaluated<&'a str> {
    let mut layout = Layout::parse(template)?;
    let (text, places) = digits(value, layout.after, arena)?;
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text.as_str()),
    };
    let whole = unsigned.find('.').unwrap_or(unsigned.len());
    layout.after = places;
    let hashes;
    let unsigned = match whole > layout.before {
        true => {
            hashes = format!("{}.{}", "#".repeat(layout.before), "#".repeat(layout.after));
            hashes.as_str()
        }
        false => unsigned,
    };
    let blanks = layout.before.saturating_sub(whole);
    Writer::new(&layout, unsigned, negative, blanks, arena).write()
}

/// The digits with so many after the point, and how many that are: floats have only so many.
fn digits<'a>(value: Value<'a>, places: usize, arena: &'a Arena) -> Evaluated<(String, usize)> {
    let float = |value: f64, significant: usize| {
        let whole = match value.abs() {
            value if value.is_nan() => "NaN".to_owned(),
            value if value.is_infinite() => "Infinity".to_owned(),
            value => format!("{value:.0}"),
        };
        let places = places.min(significant.saturating_sub(whole.len()));
        match value.is_finite() {
            true => (format!("{value:.places$}"), places),
            false => (format!("{}{whole}", if value < 0.0 { "-" } else { "" }), places),
        }
    };
    let text = match value {
        Value::Float8(value) => return Ok(float(value, 15)),
        Value::Float4(value) => return Ok(float(value.into(), 6)),
        Value::Numeric(value) => {
            value.round(places as i64, Toward::Nearest, arena)?.text(arena).to_owned()
        }
        Value::Int(value) if places == 0 => value.to_string(),
        other => format!("{}.{}", form::text(other, arena), "0".repeat(places)),
    };
    Ok((text, places))
}

impl<'t> Layout<'t> {
    fn parse(template: &'t str) -> Evaluated<Layout<'t>> {
        let wrong = |message: &'static str| EvalError::new("42601", message);
        let mut layout = Layout {
            tokens: tokens(template, find, false),
            before: 0,
            after: 0,
            point: false,
            fill: true,
            minus: false,
            plus: false,
            brackets: false,
            sign: Anchored::No,
            before_sign: 0,
            zeros: None,
        };
        let mut said = false;
        for token in &layout.tokens {
            let Token::Key(key) = token else { continue };
            match key.key {
                Word::Nine | Word::Zero => {
                    if layout.brackets {
                        return Err(wrong("\"9\" must be ahead of \"PR\""));
                    }
                    if layout.sign == Anchored::After {
                        let what = "digits behind a point and an `S` in a template of to_char";
                        return Err(EvalError::unsupported(what));
                    }
                    let places = if layout.point { &mut layout.after } else { &mut layout.before };
                    *places += 1;
                    let place = layout.before + layout.after;
                    match (key.key, layout.zeros) {
                        (Word::Zero, None) if !layout.point => {
                            layout.zeros = Some((place - 1, place))
                        }
                        (Word::Zero, Some((first, _))) => layout.zeros = Some((first, place)),
                        // After the point a zero only keeps digits.
                        (Word::Zero, None) => layout.zeros = Some((usize::MAX, place)),
                        _ => {}
                    }
                }
                Word::Point if layout.point => return Err(wrong("multiple decimal points")),
                Word::Point => layout.point = true,
                Word::Fill => layout.fill = false,
                Word::Sign => {
                    if said {
                        return Err(wrong("cannot use \"S\" twice"));
                    }
                    if layout.plus || layout.minus || layout.brackets {
                        return Err(wrong(
                            "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together",
                        ));
                    }
                    said = true;
                    layout.before_sign = layout.before;
                    layout.sign = if layout.point { Anchored::After } else { Anchored::Before };
                }
                Word::Minus | Word::Plus | Word::PlusMinus if said => {
                    return Err(wrong("cannot use \"S\" and \"MI\" together"));
                }
                Word::Minus => layout.minus = true,
                Word::Plus => layout.plus = true,
                Word::PlusMinus => (layout.minus, layout.plus) = (true, true),
                Word::Brackets if said || layout.plus || layout.minus => {
                    return Err(wrong("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together"));
                }
                Word::Brackets => layout.brackets = true,
                Word::Comma | Word::Ordinal | Word::Blank => {}
                Word::Unknown => {
                    let what = format!("`{}` in a template of to_char", key.written);
                    return Err(EvalError::unsupported(what));
                }
            }
        }
        if layout.sign != Anchored::No && layout.point && layout.before == 0 {
            let what = "`S` without a digit before the point in a template of to_char";
            return Err(EvalError::unsupported(what));
        }
        Ok(layout)
    }
}

/// Lays digits out.
struct Writer<'l, 'a> {
    layout: &'l Layout<'l>,
    digits: &'l [u8],
    /// The next digit.
    at: usize,
    negative: bool,
    /// Places before the first digit.
    blanks: usize,
    /// The last digit to be written, of those that may be left out at the end.
    relevant: Option<usize>,
    brackets: bool,
    sign: Anchored,
    signed: bool,
    places: usize,
    place: usize,
    /// Digits have begun.
    within: bool,
    out: Draft<'a>,
}

impl<'l, 'a> Writer<'l, 'a> {
    fn new(
        layout: &'l Layout<'l>,
        digits: &'l str,
        negative: bool,
        blanks: usize,
        arena: &'a Arena,
    ) -> Self {
        let mut brackets = layout.brackets;
        let mut sign = layout.sign;
        let signed = if layout.plus || layout.minus {
            !layout.plus || layout.minus
        } else {
            if !negative && !layout.fill {
                brackets = false;
            }
            if sign == Anchored::Before && layout.before == layout.before_sign {
                sign = Anchored::After;
            }
            !negative && !layout.fill && layout.sign == Anchored::No
        };
        let digits = digits.as_bytes();
        let relevant = match (layout.fill, layout.point) {
            (false, true) => relevant(digits, layout, blanks),
            _ => None,
        };
        let places =
            (layout.after + layout.before).saturating_sub(1) + usize::from(!signed && blanks == 0);
        Writer {
            layout,
            digits,
            at: 0,
            negative,
            blanks,
            relevant,
            brackets,
            sign,
            signed,
            places,
            place: 0,
            within: false,
            out: Draft::new_in(arena),
        }
    }

    fn write(mut self) -> Evaluated<&'a str> {
        for token in &self.layout.tokens {
            let key = match token {
                Token::Copy(character) => {
                    self.out.push(*character);
                    continue;
                }
                Token::Key(key) => key,
            };
            let fill = self.layout.fill;
            match key.key {
                Word::Nine | Word::Zero | Word::Point => {
                    // At the end of what there is the text ends.
                    if !self.part(key.key) {
                        break;
                    }
                }
                Word::Comma if self.within => self.out.push(','),
                Word::Minus if self.negative => self.out.push('-'),
                Word::Plus if !self.negative => self.out.push('+'),
                Word::Comma | Word::Minus | Word::Plus => {
                    if fill {
                        self.out.push(' ');
                    }
                }
                Word::PlusMinus => self.out.push(if self.negative { '-' } else { '+' }),
                Word::Ordinal => {
                    if self.digits.first() != Some(&b'#') && !self.negative && !self.layout.point {
                        if !self.digits.last().is_some_and(u8::is_ascii_digit) {
                            return Err(EvalError::new("22P02", "\"TH\" behind what is no number"));
                        }
                        let end = ordinal(std::str::from_utf8(self.digits).unwrap_or(""));
                        match key.written.starts_with('T') {
                            true => self.out.extend(end.chars().map(|c| c.to_ascii_uppercase())),
                            false => self.out.push_str(end),
                        }
                    }
                }
                Word::Sign | Word::Brackets | Word::Fill | Word::Blank | Word::Unknown => {}
            }
        }
        Ok(self.out.into_bump_str())
    }

    /// Whether the only digit before the point is a zero nobody asked for.
    fn bare_zero(&self) -> bool {
        !self.has_zeros()
            && self.at == 0
            && self.digits.first() == Some(&b'0')
            && self.layout.after != 0
    }

    fn has_zeros(&self) -> bool {
        self.layout.zeros.is_some_and(|(first, _)| first != usize::MAX)
    }

    fn first_zero(&self) -> usize {
        self.layout.zeros.map_or(0, |(first, _)| if first == usize::MAX { 0 } else { first })
    }

    fn ends_at_point(&self) -> bool {
        self.relevant.is_some_and(|last| self.digits[last] == b'.')
    }

    /// One place of the template; false when there is nothing to put there.
    fn part(&mut self, word: Word) -> bool {
        let fill = self.layout.fill;
        self.within = false;
        let zero_here = self.has_zeros() && self.first_zero() == self.place;
        if !self.signed
            && (self.place >= self.blanks || zero_here)
            && (!self.bare_zero() || self.ends_at_point())
        {
            self.write_sign();
        }
        if self.place < self.blanks && (self.first_zero() > self.place || !self.has_zeros()) {
            if fill {
                self.out.push(' ');
            }
        } else if self.has_zeros() && self.place < self.blanks {
            self.out.push('0');
            self.within = true;
        } else {
            match self.digits.get(self.at) {
                Some(b'.') => {
                    if !self.ends_at_point() || !fill {
                        self.out.push('.');
                    }
                }
                digit => {
                    if self.relevant.is_some_and(|last| self.at > last) && word != Word::Zero {
                        // Left out.
                    } else if self.bare_zero() {
                        if fill {
                            self.out.push(' ');
                        } else if self.ends_at_point() {
                            self.out.push('0');
                        }
                    } else {
                        let Some(digit) = digit else { return false };
                        self.out.push(char::from(*digit));
                        self.within = true;
                    }
                }
            }
            self.at += usize::from(self.at < self.digits.len());
        }
        let mut end = self.places + usize::from(self.blanks > 0) + usize::from(self.layout.point);
        if self.relevant == Some(self.at) {
            end = self.place;
        }
        if self.place + 1 == end {
            if self.signed && self.brackets {
                self.out.push(if self.negative { '>' } else { ' ' });
            } else if self.layout.sign != Anchored::No && self.sign == Anchored::After {
                self.out.push(if self.negative { '-' } else { '+' });
            }
        }
        self.place += 1;
        true
    }

    fn write_sign(&mut self) {
        if self.layout.sign != Anchored::No {
            if self.sign == Anchored::Before {
                self.out.push(if self.negative { '-' } else { '+' });
                self.signed = true;
            }
        } else if self.brackets {
            self.out.push(if self.negative { '<' } else { ' ' });
            self.signed = true;
        } else {
            match (self.negative, self.layout.fill) {
                (true, _) => self.out.push('-'),
                (false, true) => self.out.push(' '),
                (false, false) => {}
            }
            self.signed = true;
        }
    }
}

/// The last digit after the point that is not zero, or that a `0` of the template keeps; the point
/// itself when there is none.
fn relevant(digits: &[u8], layout: &Layout<'_>, blanks: usize) -> Option<usize> {
    let point = digits.iter().position(|digit| *digit == b'.')?;
    let last = digits.iter().rposition(|digit| *digit != b'0').map_or(point, |at| at.max(point));
    let kept = match layout.zeros {
        Some((_, end)) if end > blanks => (digits.len() - 1).min(end - blanks),
        _ => 0,
    };
    Some(last.max(kept))
}

fn find(text: &str) -> Option<(Word, usize)> {
    let found = WORDS.iter().find(|(word, _)| {
        text.get(..word.len()).is_some_and(|written| {
            written.eq_ignore_ascii_case(word)
                && (!written.contains(|c: char| c.is_ascii_lowercase())
                    || !written.contains(|c: char| c.is_ascii_uppercase()))
        })
    });
    found.map(|(word, key)| (*key, word.len()))
}
