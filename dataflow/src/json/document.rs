//! `json` and `jsonb` columns: white space out, the last of duplicate keys kept.
//!
//! Postgres has checked the syntax, so one pass over the bytes is enough. It also looks for
//! duplicate keys, comparing each key with the earlier ones of its object: for `jsonb`, whose keys
//! stand by length and then bytes, with the last alone. Only where a duplicate is met, or cannot
//! be ruled out so (a key with an escape, a large unsorted object), the text is parsed in full;
//! that sorts keys and keeps the digits of numbers.

use smallvec::SmallVec;

/// Keys of one unsorted object compared one by one before parsing is the lesser work.
const FEW: usize = 32;

/// An object being read.
struct Open {
    /// Where its keys begin among all open keys.
    keys: usize,
    /// Each key so far is greater than the one before.
    ascending: bool,
}

/// Appends the JSON; none when the text is no JSON.
pub(super) fn compact(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    if single_pass(text, out).is_some() {
        return Some(());
    }
    out.truncate(start);
    let value: serde_json::Value = serde_json::from_slice(text).ok()?;
    serde_json::to_writer(out, &value).ok()
}

/// None when the text has to be parsed. Valid JSON is assumed, and one line made of it.
fn single_pass(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    std::str::from_utf8(text).ok()?;
    let mut open: SmallVec<[Open; 16]> = SmallVec::new();
    let mut keys: SmallVec<[&[u8]; 32]> = SmallVec::new();
    let mut last: &[u8] = b"";
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b' ' | b'\n' | b'\t' | b'\r' => {}
            b'"' => {
                last = &after[..closing_quote(after)?];
                out.push(b'"');
                out.extend_from_slice(last);
                out.push(b'"');
                rest = &after[last.len() + 1..];
                continue;
            }
            b':' => {
                distinct(open.last_mut()?, &keys, last)?;
                keys.push(last);
                out.push(byte);
            }
            b'{' => {
                open.push(Open { keys: keys.len(), ascending: true });
                out.push(byte);
            }
            b'}' => {
                keys.truncate(open.pop()?.keys);
                out.push(byte);
            }
            _ => out.push(byte),
        }
        rest = after;
    }
    open.is_empty().then_some(())
}

/// None unless the key is certainly not yet in the object.
fn distinct(open: &mut Open, keys: &[&[u8]], key: &[u8]) -> Option<()> {
    if memchr::memchr(b'\\', key).is_some() {
        return None;
    }
    let earlier = &keys[open.keys..];
    let Some(previous) = earlier.last() else { return Some(()) };
    open.ascending &= (previous.len(), *previous) < (key.len(), key);
    let free = open.ascending || (earlier.len() <= FEW && !earlier.contains(&key));
    free.then_some(())
}

/// Where the string ends.
fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', text.get(from..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        from = at + 2;
    }
}
