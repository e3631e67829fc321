//! JSON strings. Most texts hold nothing to escape: that is asked in one sweep the compiler can
//! vectorise, and answered with one copy.

/// Appends a JSON string; what is not UTF-8 becomes U+FFFD.
pub fn string(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    if text.is_ascii() || std::str::from_utf8(text).is_ok() {
        content(text, out);
    } else {
        content(String::from_utf8_lossy(text).as_bytes(), out);
    }
    out.push(b'"');
}

fn content(text: &[u8], out: &mut Vec<u8>) {
    if !text.iter().fold(false, |any, byte| any | special(*byte)) {
        out.extend_from_slice(text);
        return;
    }
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| special(*byte)) {
        out.extend_from_slice(&rest[..at]);
        escape(rest[at], out);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Whether JSON wants the byte escaped. All are ASCII, so none is part of a longer character.
fn special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'\\');
    match byte {
        b'\n' => out.push(b'n'),
        b'\r' => out.push(b'r'),
        b'\t' => out.push(b't'),
        b'"' | b'\\' => out.push(byte),
        control => {
            out.extend_from_slice(b"u00");
            out.push(HEX[usize::from(control >> 4)]);
            out.push(HEX[usize::from(control & 0xf)]);
        }
    }
}
