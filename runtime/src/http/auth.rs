//! HTTP Basic authentication, compared in a time that does not depend on where texts differ.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What an authorised request carries.
#[derive(Clone)]
pub struct Login {
    expected: String,
}

impl Login {
    /// Of a user and password.
    pub fn new(user: &str, password: &str) -> Login {
        Login { expected: format!("{user}:{password}") }
    }

    /// Whether a request carries it.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, encoded)) = given.and_then(|value| value.split_once(' ')) else {
            return false;
        };
        match STANDARD.decode(encoded.trim()) {
            Ok(given) if scheme.eq_ignore_ascii_case("basic") => {
                equal(&given, self.expected.as_bytes())
            }
            _ => false,
        }
    }
}

/// Looks at every byte of the expected text, whatever the given one is.
fn equal(given: &[u8], expected: &[u8]) -> bool {
    let pad = given.iter().copied().chain(std::iter::repeat(0));
    let differing = expected.iter().zip(pad).fold(0, |acc, (a, b)| acc | (a ^ b));
    differing == 0 && given.len() == expected.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        Login::new("admin", "s:cret").admits(&headers)
    }

    #[test]
    fn only_the_right_user_and_password_are_admitted() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert!(admits(&basic("admin:s:cret")));
        assert!(admits(&basic("admin:s:cret").replace("Basic", "basic")));
        assert!(!admits(&basic("admin:s:cre")));
        assert!(!admits(&basic("admin:s:cret\0")));
        assert!(!admits(&basic("")));
        assert!(!admits("Basic ???"));
        assert!(!admits(&basic("admin:s:cret").replace("Basic", "Bearer")));
        assert!(!Login::new("admin", "x").admits(&HeaderMap::new()));
    }
}
