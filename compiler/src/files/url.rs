//! The two kinds of URL that a deployment names.
//!
//! A reason never quotes what stands before `@`, for there are passwords in it.

use super::overrides::Postgres;

/// `postgres://user[:password]@host[:port][/database][?sslmode=…]`. Escapes are resolved; a `%`
/// without two hex digits is itself. The port is 5432 and the database the user's name unless
/// written.
pub fn postgres(text: &str) -> Result<Postgres, String> {
    let text = text.trim();
    let rest = text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"));
    let Some(rest) = rest else {
        return Err("it must begin with `postgres://`".into());
    };
    if rest.contains(char::is_whitespace) {
        return Err("it has a blank in it; write %20".into());
    }
    let rest = rest.split('#').next().unwrap_or(rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let Some((login, server)) = authority.rsplit_once('@') else {
        return Err("it names no user; write postgres://USER@HOST/DATABASE".into());
    };
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (decode(user), Some(decode(password))),
        None => (decode(login), None),
    };
    if user.is_empty() {
        return Err("it names no user; write postgres://USER@HOST/DATABASE".into());
    }
    let (host, port) = host_and_port(server)?;
    let database = match path {
        "" => user.clone(),
        _ => decode(path),
    };
    let sslmode = query.split('&').find_map(|pair| pair.strip_prefix("sslmode="));
    Ok(Postgres { host, port, user, password, database, sslmode: sslmode.map(decode) })
}

fn host_and_port(server: &str) -> Result<(String, u16), String> {
    let (host, port) = match server.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, rest.strip_prefix(':').or(Some(rest))),
        None => match server.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (server, None),
        },
    };
    if host.is_empty() {
        return Err("it names no host".into());
    }
    if server.contains(',') {
        return Err("it names several hosts; name the primary".into());
    }
    let port = match port {
        None | Some("") => 5432,
        Some(port) => port.parse().map_err(|_| format!("`{port}` is not a port"))?,
    };
    Ok((decode(host), port))
}

/// `http://…` or `https://…`, without slashes at the end.
pub fn http(text: &str) -> Result<String, String> {
    let text = text.trim();
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        None => Err("it must begin with `http://` or `https://`".into()),
        Some(rest) if rest.trim_end_matches('/').is_empty() => Err("it names no host".into()),
        Some(rest) if rest.contains(char::is_whitespace) => Err("it has a blank in it".into()),
        Some(_) => Ok(text.trim_end_matches('/').into()),
    }
}

/// Resolves `%40` and the like.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_url() {
        let url =
            "postgresql://re%20ader:r%20e%40d%@db:6000/my%2Fdb?application_name=x&sslmode=require";
        let read = postgres(url).unwrap();
        assert_eq!((read.host.as_str(), read.port), ("db", 6000));
        assert_eq!((read.user.as_str(), read.password.as_deref()), ("re ader", Some("r e@d%")));
        assert_eq!((read.database.as_str(), read.sslmode.as_deref()), ("my/db", Some("require")));
    }

    #[test]
    fn what_may_be_left_out() {
        let read = postgres(" postgres://me@[::1] ").unwrap();
        assert_eq!((read.host.as_str(), read.port, read.password), ("::1", 5432, None));
        assert_eq!(read.database, "me");
        let read = postgres("postgres://me:@%2Ftmp%2Fpg:99/").unwrap();
        assert_eq!((read.host.as_str(), read.port), ("/tmp/pg", 99));
        assert_eq!(read.password.as_deref(), Some(""));
        assert_eq!(postgres("postgres://me@[::1]:77/x").unwrap().port, 77);
    }

    #[test]
    fn reasons_name_the_fault_and_no_password() {
        let cases = [
            ("", "begin"),
            ("mysql://a:secret@b/c", "begin"),
            ("postgres://b/c", "user"),
            ("postgres://:secret@b/c", "user"),
            ("postgres://a:secret@/c", "host"),
            ("postgres://a:secret@b:x/c", "`x` is not a port"),
            ("postgres://a:secret@b:70000/c", "70000"),
            ("postgres://a:secret@b c/d", "%20"),
            ("postgres://a:secret@b,c/d", "several"),
        ];
        for (url, part) in cases {
            let reason = postgres(url).unwrap_err();
            assert!(reason.contains(part) && !reason.contains("secret"), "{url}: {reason}");
        }
    }

    #[test]
    fn addresses_of_clusters() {
        assert_eq!(http("https://a:9200//").unwrap(), "https://a:9200");
        for wrong in ["", "a:9200", "ftp://a", "http://", "http:///", "http://a b"] {
            assert!(http(wrong).is_err(), "{wrong}");
        }
    }
}
