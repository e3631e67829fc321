//! Postgres' array literals: `{1,NULL,"a\"b",{2,3}}`, perhaps with bounds `[0:2]=` before them.
//! Braces become brackets in one pass; a dimension is only a deeper brace.

use flusso_compiler::types::Render;

use super::{null, write};

/// Appends a JSON array; none when the text is no array literal.
pub(super) fn array(element: &Render, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = match text.first()? {
        b'[' => &text[memchr::memchr(b'=', text)? + 1..],
        _ => text,
    };
    let mut unescaped = Vec::new();
    let mut depth = 0usize;
    // Whether an element or an opening brace may stand here.
    let mut open = true;
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'{' if open => {
                out.push(b'[');
                depth += 1;
                continue;
            }
            b'}' if depth > 0 && (!open || out.last() == Some(&b'[')) => {
                out.push(b']');
                depth -= 1;
                if depth == 0 {
                    return rest.is_empty().then_some(());
                }
                open = false;
            }
            b',' if !open => {
                out.push(b',');
                open = true;
            }
            b'"' if open && depth > 0 => {
                rest = quoted(rest, &mut unescaped)?;
                write(element, &unescaped, out);
                open = false;
            }
            _ if open && depth > 0 => {
                let text = &text[text.len() - rest.len() - 1..];
                let length = memchr::memchr2(b',', b'}', text)?;
                match &text[..length] {
                    b"NULL" => null(out),
                    plain => write(element, plain, out),
                }
                rest = &text[length..];
                open = false;
            }
            _ => return None,
        }
    }
}

/// Puts what stands up to the closing quote into `unescaped` and gives what follows it.
fn quoted<'a>(text: &'a [u8], unescaped: &mut Vec<u8>) -> Option<&'a [u8]> {
    unescaped.clear();
    let mut rest = text;
    loop {
        let at = memchr::memchr2(b'"', b'\\', rest)?;
        unescaped.extend_from_slice(&rest[..at]);
        if rest[at] == b'"' {
            return Some(&rest[at + 1..]);
        }
        unescaped.push(*rest.get(at + 1)?);
        rest = &rest[at + 2..];
    }
}
