//! Expressions in the forms that people write: few brackets, so that operators must bind as they do
//! in Postgres, words of SQL in place of names of functions, constants of every kind.
//!
//! A form is `type: text`, where `<type>` is a column, a constant, or another form of that type
//! without brackets around it.

use super::generate::Generator;

/// Constants and columns of each type.
const LEAVES: &[(&str, &str)] = &[
    ("bool", "b1¦b2¦b1¦b2¦true¦false¦NULL¦i4 > 1¦'yes'"),
    ("int", "i4¦j4¦i2¦i4¦j4¦i8¦1¦2¦0¦10¦'3'¦NULL¦-1¦2147483648¦007"),
    ("num", "n¦m¦n¦m¦1.5¦.5¦5.¦1e3¦1.50E-2¦'2.25'¦i4¦-0.0¦12345678901234567890"),
    ("float", "f8¦f4¦f8¦1e0::float8¦'0.1'¦1.5¦-0.0::float8¦i4"),
    ("text", "t¦u¦t¦u¦c¦'a'¦''¦'Ů'¦e'\\n'¦$$x'y$$¦NULL¦'it''s'¦e::text¦'%b%'"),
    ("date", "d¦d2¦d¦d2¦'2024-02-29'¦date '2024-01-31'¦NULL"),
    ("time", "h¦h¦'10:00'¦time '23:59:59.5'"),
    ("ts", "s¦s2¦s¦s2¦timestamp '2024-01-31 10:00'¦NULL"),
    ("tz", "z¦z2¦z¦z2¦timestamptz '2024-03-10 06:59:59+00'¦NULL"),
    ("span", "p¦p2¦p¦p2¦interval '1 day'¦interval '1 mon -2 days'¦'1 hour'::interval¦NULL"),
    ("json", "q¦q2¦q¦q2¦'{\"a\": 1}'::jsonb¦'[]'::jsonb"),
    ("ints", "ai¦aj¦ai¦'{1,2}'::int[]¦ARRAY[1, 2]¦'{}'::int[]"),
    ("texts", "at¦at¦ARRAY['a', 'b']¦'{a,NULL}'::text[]"),
    ("bytes", "y¦'\\x00ff'::bytea"),
];

/// The forms, a type before the colon.
const FORMS: &str = include_str!("forms.txt");

/// An expression of any type.
pub(super) fn any(generator: &mut Generator) -> String {
    let forms: Vec<&str> = FORMS.lines().collect();
    let (_, form) = parts(generator.pick(&forms));
    filled(generator, form, 2)
}

fn parts(line: &str) -> (&str, &str) {
    line.split_once(": ").unwrap_or_else(|| panic!("`{line}` has no type"))
}

/// A text of a type.
fn of(generator: &mut Generator, ty: &str, depth: u32) -> String {
    if depth > 0 && generator.roll(3) == 0 {
        let forms: Vec<&str> = FORMS
            .lines()
            .map(parts)
            .filter(|(gives, _)| *gives == ty)
            .map(|(_, form)| form)
            .collect();
        if !forms.is_empty() {
            let form = generator.pick(&forms);
            let text = filled(generator, form, depth - 1);
            return if generator.roll(4) == 0 { format!("({text})") } else { text };
        }
    }
    let (_, leaves) = LEAVES.iter().find(|(leaf, _)| *leaf == ty).unwrap_or_else(|| {
        panic!("there are no leaves of {ty}");
    });
    let leaves: Vec<&str> = leaves.split('¦').collect();
    generator.pick(&leaves).to_owned()
}

/// A form with its holes filled.
fn filled(generator: &mut Generator, form: &str, depth: u32) -> String {
    let mut text = String::new();
    let mut rest = form;
    while let Some((before, after)) = rest.split_once('<') {
        text += before;
        let hole =
            after.split_once('>').filter(|(ty, _)| LEAVES.iter().any(|(leaf, _)| leaf == ty));
        match hole {
            Some((ty, after)) => {
                text += &of(generator, ty, depth);
                rest = after;
            }
            None => {
                text.push('<');
                rest = after;
            }
        }
    }
    text + rest
}
