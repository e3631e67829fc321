//! Whether a text can match a pattern in one way only.
//!
//! Each character of the pattern is a position. When no two positions that may come next take the
//! same character, the text itself decides the way (a deterministic expression, after Glushkov).
//! Empty turns are a choice too, and so are groups that are left out in one turn of a repetition
//! and taken in another.

use std::rc::Rc;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind};

const CHOICE: &str = "one text can match in several ways";
const EMPTY: &str = "it repeats what may be empty";
const GROUP: &str = "a group is repeated together with something else";
const LARGE: &str = "it is too large to be sure that each text matches in one way only";

/// Repetitions are written out up to so many positions.
const MOST_POSITIONS: usize = 1000;

/// Why a text may match in several ways; none when it cannot.
pub(super) fn ambiguous(hir: &Hir) -> Option<&'static str> {
    let mut graph = Graph::default();
    match graph.part(hir) {
        Err(reason) => Some(reason),
        Ok(whole) => graph.choice(&whole).then_some(CHOICE),
    }
}

#[derive(Default)]
struct Graph {
    /// The characters a position takes.
    takes: Vec<Rc<ClassUnicode>>,
    /// The positions that may come after one.
    follow: Vec<Vec<usize>>,
}

/// What a part of a pattern may begin and end with.
#[derive(Clone, Default)]
struct Part {
    empty: bool,
    first: Vec<usize>,
    last: Vec<usize>,
}

impl Graph {
    /// Whether two positions that may come next take the same character.
    fn choice(&self, whole: &Part) -> bool {
        let overlap = |next: &[usize]| {
            next.iter().enumerate().any(|(at, a)| {
                next[at + 1..].iter().any(|b| {
                    let mut common = ClassUnicode::clone(&self.takes[*a]);
                    common.intersect(&self.takes[*b]);
                    a != b && !common.ranges().is_empty()
                })
            })
        };
        overlap(&whole.first) || self.follow.iter().any(|next| overlap(next))
    }

    fn part(&mut self, hir: &Hir) -> Result<Part, &'static str> {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Ok(Part { empty: true, ..Part::default() }),
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).map_err(|_| LARGE)?;
                let mut whole = Part { empty: true, ..Part::default() };
                for character in text.chars() {
                    let range = ClassUnicodeRange::new(character, character);
                    let part = self.position(ClassUnicode::new([range]))?;
                    whole = self.then(whole, part);
                }
                Ok(whole)
            }
            HirKind::Class(Class::Unicode(class)) => self.position(class.clone()),
            HirKind::Class(Class::Bytes(class)) => {
                self.position(class.to_unicode_class().ok_or(LARGE)?)
            }
            HirKind::Capture(capture) => self.part(&capture.sub),
            HirKind::Concat(parts) => {
                let mut whole = Part { empty: true, ..Part::default() };
                for part in parts {
                    let part = self.part(part)?;
                    whole = self.then(whole, part);
                }
                Ok(whole)
            }
            HirKind::Alternation(parts) => {
                let mut whole = Part::default();
                for part in parts {
                    let part = self.part(part)?;
                    // The engine would take the empty one before it looks at those after it.
                    if whole.empty {
                        return Err(CHOICE);
                    }
                    whole.empty |= part.empty;
                    whole.first.extend(part.first);
                    whole.last.extend(part.last);
                }
                Ok(whole)
            }
            HirKind::Repetition(repetition) => {
                if repetition.max != Some(1) {
                    let alone = match repetition.sub.kind() {
                        HirKind::Capture(capture) => groups(&capture.sub) == 0,
                        _ => groups(&repetition.sub) == 0,
                    };
                    if !alone {
                        return Err(GROUP);
                    }
                }
                self.repeated(&repetition.sub, repetition.min, repetition.max)
            }
        }
    }

    fn repeated(&mut self, sub: &Hir, min: u32, max: Option<u32>) -> Result<Part, &'static str> {
        let mut whole = Part { empty: true, ..Part::default() };
        let once = |graph: &mut Graph| {
            let part = graph.part(sub)?;
            if part.empty { Err(EMPTY) } else { Ok(part) }
        };
        for _ in 0..min {
            let part = once(self)?;
            whole = self.then(whole, part);
        }
        match max {
            None => {
                let part = once(self)?;
                for last in &part.last {
                    self.follow[*last].extend(&part.first);
                }
                let optional = Part { empty: true, ..part };
                Ok(self.then(whole, optional))
            }
            Some(max) => {
                // From the last optional turn inwards, as each is asked for only after the one
                // before it.
                let mut tail = Part { empty: true, ..Part::default() };
                for _ in min..max {
                    let part = once(self)?;
                    tail = Part { empty: true, ..self.then(part, tail) };
                }
                Ok(self.then(whole, tail))
            }
        }
    }

    fn position(&mut self, takes: ClassUnicode) -> Result<Part, &'static str> {
        let at = self.takes.len();
        if at >= MOST_POSITIONS {
            return Err(LARGE);
        }
        self.takes.push(Rc::new(takes));
        self.follow.push(Vec::new());
        Ok(Part { empty: false, first: vec![at], last: vec![at] })
    }

    fn then(&mut self, a: Part, b: Part) -> Part {
        for last in &a.last {
            self.follow[*last].extend(&b.first);
        }
        let mut first = a.first;
        if a.empty {
            first.extend(&b.first);
        }
        let mut last = b.last;
        if b.empty {
            last.extend(&a.last);
        }
        Part { empty: a.empty && b.empty, first, last }
    }
}

fn groups(hir: &Hir) -> usize {
    hir.properties().explicit_captures_len()
}
