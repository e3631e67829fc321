//! Texts, bytes and uuids in order, and lower case as Postgres makes it.

/// Appends bytes so that their end can be told: 00 becomes 00 FF, the end is 00 00. Text of
/// Postgres has no 00, `bytea` may.
pub(super) fn escaped(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(0, rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[0, 0xff]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(&[0, 0]);
    Some(())
}

/// Appends text in lower case, its end marked.
pub(super) fn folded(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    lower(text, out);
    out.extend_from_slice(&[0, 0]);
    Some(())
}

/// Appends the bytes that `\x…` spells, escaped.
pub(super) fn bytes(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (pairs, odd) = text.strip_prefix(b"\\x")?.as_chunks::<2>();
    for pair in pairs {
        match hex(*pair)? {
            0 => out.extend_from_slice(&[0, 0xff]),
            byte => out.push(byte),
        }
    }
    out.extend_from_slice(&[0, 0]);
    odd.is_empty().then_some(())
}

/// Appends the sixteen bytes of a uuid.
pub(super) fn uuid(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    if text.len() != 36 {
        return None;
    }
    let mut bytes = [0; 16];
    let mut at = 0;
    for (position, byte) in bytes.iter_mut().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            if text[at] != b'-' {
                return None;
            }
            at += 1;
        }
        *byte = hex([text[at], text[at + 1]])?;
        at += 2;
    }
    out.extend_from_slice(&bytes);
    Some(())
}

/// Appends the position of a label.
pub(super) fn label(labels: &[String], text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let position = labels.iter().position(|label| label.as_bytes() == text)?;
    out.extend_from_slice(&u32::try_from(position).ok()?.to_be_bytes());
    Some(())
}

/// The byte two hexadecimal digits spell.
pub(crate) fn hex([high, low]: [u8; 2]) -> Option<u8> {
    fn digit(byte: u8) -> Option<u8> {
        match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            b'A'..=b'F' => Some(byte - b'A' + 10),
            _ => None,
        }
    }
    Some(digit(high)? << 4 | digit(low)?)
}

/// The text without the blanks at its end.
pub(crate) fn trim_blanks(text: &[u8]) -> &[u8] {
    let kept = text.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
    &text[..kept]
}

/// Appends the text in lower case, each character by itself as `towlower` does: final sigma is a
/// sigma, and a dotted capital I an `i`. What is not UTF-8 stays.
pub(crate) fn lower(text: &[u8], out: &mut Vec<u8>) {
    if text.is_ascii() {
        let start = out.len();
        out.extend_from_slice(text);
        out[start..].make_ascii_lowercase();
        return;
    }
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            // The only mapping to more than one character is the dotted I's, which begins with i.
            let lower = character.to_lowercase().next().unwrap_or(character);
            out.extend_from_slice(lower.encode_utf8(&mut [0; 4]).as_bytes());
        }
        out.extend_from_slice(chunk.invalid());
    }
}
