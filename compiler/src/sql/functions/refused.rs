//! What Postgres has and this language has not, with the reason.
//!
//! Two lists: names that are refused whatever they are called with, and overloads of names that
//! are known, which must take part in the choice so that the others keep their meaning.

use super::Ty;

const CLOCK: &str = "its value changes with the clock, and a document changes only with its rows";
const CHANCE: &str = "its value is another each time, and a document must be one value of its rows";
const SESSION: &str = "its value depends on who asks, and documents are made for everyone";
const LIBRARY: &str = "its last digits depend on the server's C library, and a document must equal what Postgres says";
const TEMPLATE: &str = "reading by a template is not supported; a text in ISO form can be cast";
const WINDOW: &str = "window functions are not supported; rank rows by `order_by` and `limit`";
const PLACE: &str = "it reads the state of the server, not of the rows";

/// An overload that is known and not supported.
pub struct Refused {
    /// How it is called.
    pub name: &'static str,
    /// The types of its arguments.
    pub takes: &'static [Ty],
    /// The reason, a sentence without a full stop.
    pub why: &'static str,
}

const NAMES: &[(&str, &str)] = &[
    ("now", CLOCK),
    ("current_date", CLOCK),
    ("current_time", CLOCK),
    ("current_timestamp", CLOCK),
    ("localtime", CLOCK),
    ("localtimestamp", CLOCK),
    ("clock_timestamp", CLOCK),
    ("statement_timestamp", CLOCK),
    ("transaction_timestamp", CLOCK),
    ("timeofday", CLOCK),
    ("pg_sleep", CLOCK),
    ("random", CHANCE),
    ("random_normal", CHANCE),
    ("setseed", CHANCE),
    ("gen_random_uuid", CHANCE),
    ("uuid_generate_v1", CHANCE),
    ("uuid_generate_v4", CHANCE),
    ("gen_random_bytes", CHANCE),
    ("nextval", CHANCE),
    ("currval", CHANCE),
    ("lastval", CHANCE),
    ("setval", CHANCE),
    ("current_user", SESSION),
    ("session_user", SESSION),
    ("user", SESSION),
    ("current_role", SESSION),
    ("current_catalog", SESSION),
    ("current_schema", SESSION),
    ("current_database", SESSION),
    ("current_setting", SESSION),
    ("set_config", SESSION),
    ("inet_client_addr", SESSION),
    ("pg_backend_pid", SESSION),
    ("version", PLACE),
    ("txid_current", PLACE),
    ("pg_current_xact_id", PLACE),
    ("power", LIBRARY),
    ("pow", LIBRARY),
    ("^", "powers are not supported, for their last digits depend on the server; multiply"),
    ("exp", LIBRARY),
    ("ln", LIBRARY),
    ("log", LIBRARY),
    ("log10", LIBRARY),
    ("cbrt", LIBRARY),
    ("||/", LIBRARY),
    ("sin", LIBRARY),
    ("cos", LIBRARY),
    ("tan", LIBRARY),
    ("cot", LIBRARY),
    ("asin", LIBRARY),
    ("acos", LIBRARY),
    ("atan", LIBRARY),
    ("atan2", LIBRARY),
    ("width_bucket", "it is not supported; divide and take the `floor`"),
    ("to_date", TEMPLATE),
    ("to_number", TEMPLATE),
    ("pg_size_pretty", "it is not supported; divide by 1024 and `round`"),
    ("pg_typeof", "types are known when the schema is compiled, so there is nothing to ask"),
    ("to_regclass", PLACE),
    ("has_table_privilege", PLACE),
    ("row_number", WINDOW),
    ("rank", WINDOW),
    ("dense_rank", WINDOW),
    ("percent_rank", WINDOW),
    ("ntile", WINDOW),
    ("lag", WINDOW),
    ("lead", WINDOW),
    ("first_value", WINDOW),
    ("last_value", WINDOW),
    ("to_tsvector", "text search is what the index is for; make it a `text` field"),
    ("to_tsquery", "text search is what the index is for; make it a `text` field"),
    ("ts_rank", "text search is what the index is for; make it a `text` field"),
    ("similarity", "text search is what the index is for; make it a `text` field"),
    ("row_to_json", "whole rows are not values here; use `jsonb_build_object`"),
    ("jsonb_each", "a function that gives rows stands in `FROM`"),
    ("jsonb_array_elements", "a function that gives rows stands in `FROM`"),
    ("jsonb_object_keys", "a function that gives rows stands in `FROM`"),
    ("unnest", "a function that gives rows stands in `FROM`"),
    ("generate_series", "a function that gives rows stands in `FROM`"),
    ("regexp_matches", "a function that gives rows stands in `FROM`; use `regexp_match`"),
    ("regexp_split_to_table", "a function that gives rows; use `regexp_split_to_array`"),
    ("string_to_table", "a function that gives rows; use `string_to_array`"),
    ("jsonb_path_query", "JSON paths are not supported; use `->` and `#>`"),
    ("jsonb_path_exists", "JSON paths are not supported; use `@>`"),
    ("jsonb_path_query_first", "JSON paths are not supported; use `#>`"),
    ("ifnull", "Postgres has no such function; use `coalesce`"),
    ("nvl", "Postgres has no such function; use `coalesce`"),
    ("isnull", "Postgres has no such function; write `IS NULL`"),
    ("if", "Postgres has no such function; use `CASE WHEN … THEN … ELSE … END`"),
    ("iif", "Postgres has no such function; use `CASE WHEN … THEN … ELSE … END`"),
    ("len", "Postgres has no such function; use `length`"),
    ("lcase", "Postgres has no such function; use `lower`"),
    ("ucase", "Postgres has no such function; use `upper`"),
    ("instr", "Postgres has no such function; use `strpos`"),
    ("group_concat", "Postgres has no such function; use `string_agg`"),
    ("date_format", "Postgres has no such function; use `to_char`"),
    ("datediff", "Postgres has no such function; subtract the dates"),
    ("dateadd", "Postgres has no such function; add an `interval`"),
    ("getdate", CLOCK),
    ("sysdate", CLOCK),
    ("uuid", CHANCE),
];

const OVERLOADS: &[Refused] = &[
    Refused { name: "age", takes: &[Ty::Timestamp], why: CLOCK },
    Refused { name: "age", takes: &[Ty::TimestampTz], why: CLOCK },
    Refused { name: "to_timestamp", takes: &[Ty::Text, Ty::Text], why: TEMPLATE },
    Refused { name: "timezone", takes: &[Ty::Text, Ty::TimeTz], why: CLOCK },
    Refused { name: "gcd", takes: &[Ty::Numeric, Ty::Numeric], why: "it is for integers here" },
    Refused { name: "lcm", takes: &[Ty::Numeric, Ty::Numeric], why: "it is for integers here" },
    Refused { name: "trim", takes: &[Ty::Bytea, Ty::Bytea], why: "bytes cannot be trimmed here" },
    Refused { name: "ltrim", takes: &[Ty::Bytea, Ty::Bytea], why: "bytes cannot be trimmed here" },
    Refused { name: "rtrim", takes: &[Ty::Bytea, Ty::Bytea], why: "bytes cannot be trimmed here" },
    Refused { name: "~", takes: &[Ty::Bpchar, Ty::Text], why: BLANKS },
    Refused { name: "~*", takes: &[Ty::Bpchar, Ty::Text], why: BLANKS },
    Refused { name: "!~", takes: &[Ty::Bpchar, Ty::Text], why: BLANKS },
    Refused { name: "!~*", takes: &[Ty::Bpchar, Ty::Text], why: BLANKS },
];

const BLANKS: &str = "a `character(n)` is matched with its blanks; cast it to text first";

/// The reason why a name is refused.
pub fn by_name(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(one, _)| *one == name).map(|(_, why)| *why)
}

/// The refused overloads of a name.
pub fn overloads(name: &str) -> impl Iterator<Item = &'static Refused> {
    OVERLOADS.iter().filter(move |refused| refused.name == name)
}
