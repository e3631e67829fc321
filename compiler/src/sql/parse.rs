//! From a text to a syntax tree, by sqlparser, with its refusals put into our words.
//!
//! Where sqlparser's grammar is wider than Postgres', the tree is refused when it is typed, or by
//! [`precedence`].

use sqlparser::ast::{Expr, OrderByExpr, Query, TableFactor, TableWithJoins, Visit, VisitMut};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use super::precedence;
use super::text::Sql;
use crate::diagnostics::Diagnostic;

/// Tokens that one text may have, so that a tree of them can be walked and dropped.
const MAX_TOKENS: usize = 4000;

/// Levels of brackets that one text may have.
const MAX_DEPTH: usize = 40;

const DIALECT: PostgreSqlDialect = PostgreSqlDialect {};

/// An expression and nothing else.
pub fn expression(sql: &Sql) -> Result<Expr, Diagnostic> {
    whole(sql, "", |parser| parser.parse_expr())
}

/// What follows `ORDER BY`.
pub fn order(sql: &Sql) -> Result<Vec<OrderByExpr>, Diagnostic> {
    whole(sql, "", |parser| parser.parse_comma_separated(Parser::parse_order_by_expr))
}

/// What follows `JOIN`: a relation with its condition, then further joins.
pub fn joins(sql: &Sql) -> Result<TableWithJoins, Diagnostic> {
    let tree = whole(sql, "here JOIN ", |parser| parser.parse_table_and_joins())?;
    // `a, b` and the like end before the text does, and were refused.
    debug_assert!(matches!(tree.relation, TableFactor::Table { .. }));
    Ok(tree)
}

/// A query.
pub fn query(sql: &Sql) -> Result<Box<Query>, Diagnostic> {
    whole(sql, "", |parser| parser.parse_query())
}

/// Reads all of a text that is thought to follow some words.
fn whole<T: Visit + VisitMut>(
    sql: &Sql,
    after: &str,
    read: impl FnOnce(&mut Parser<'_>) -> Result<T, ParserError>,
) -> Result<T, Diagnostic> {
    if sql.text.trim().is_empty() {
        return Err(Diagnostic::error(sql.place, "the SQL is empty"));
    }
    let tokens = tokens(sql)?;
    let mut all = tokenize(after).map_err(|error| refusal(sql, &tokens, &error.message, None))?;
    for token in &mut all {
        token.span = Span::empty();
    }
    all.extend(tokens.iter().cloned());
    let mut parser =
        Parser::new(&DIALECT).with_recursion_limit(MAX_DEPTH).with_tokens_with_locations(all);
    let mut tree = read(&mut parser).map_err(|error| syntax(sql, &tokens, error))?;
    let next = parser.next_token();
    match next.token {
        Token::EOF => precedence::settle(sql, &mut tree).map(|()| tree),
        Token::SemiColon => Err(Diagnostic::error(sql.span(next.span), "a `;` is of no use here")
            .help("leave it out: each key takes one piece of SQL")),
        token => {
            let first = tokens.iter().find(|one| !matches!(one.token, Token::Whitespace(_)));
            let help = match first.map(|first| first.token.to_string().to_lowercase()) {
                Some(word) if after.is_empty() && word == "select" => {
                    "a query stands in brackets, and one value is wanted: leave SELECT out"
                }
                Some(word) if word == "distinct" => "an expression is one value, never several",
                _ => stray(&token),
            };
            let message = format!("`{token}` is not expected here");
            Err(Diagnostic::error(sql.span(next.span), message).help(help))
        }
    }
}

/// What may have been meant by a word after the end.
fn stray(token: &Token) -> &'static str {
    match token {
        Token::Comma => "one expression is expected; a list stands in brackets",
        Token::RParen => "there is a bracket too many",
        Token::Word(word) if word.value.eq_ignore_ascii_case("as") => {
            "leave it out: the key before it names the value"
        }
        Token::Word(word) if word.value.eq_ignore_ascii_case("from") => {
            "a query stands in brackets: `(SELECT … FROM … WHERE …)`"
        }
        Token::Word(_) => "check the words before it; a name with blanks stands in double quotes",
        _ => "check what stands before it",
    }
}

fn tokenize(text: &str) -> Result<Vec<TokenWithSpan>, sqlparser::tokenizer::TokenizerError> {
    Tokenizer::new(&DIALECT, text).tokenize_with_location()
}

/// The tokens of the text, with its brackets counted, which sqlparser does not do everywhere.
fn tokens(sql: &Sql) -> Result<Vec<TokenWithSpan>, Diagnostic> {
    let tokens = tokenize(&sql.text)
        .map_err(|error| refusal(sql, &[], &error.message, Some(error.location)))?;
    if tokens.len() > MAX_TOKENS {
        let message = format!("this SQL is longer than {MAX_TOKENS} words and signs");
        return Err(Diagnostic::error(sql.place, message).help("say it in several fields"));
    }
    let mut open: Vec<&TokenWithSpan> = Vec::new();
    for token in &tokens {
        match token.token {
            Token::LParen | Token::LBracket => {
                open.push(token);
                if open.len() > MAX_DEPTH {
                    let message = format!("brackets more than {MAX_DEPTH} levels deep");
                    return Err(Diagnostic::error(sql.span(token.span), message));
                }
            }
            Token::RParen | Token::RBracket => drop(open.pop()),
            Token::Placeholder(_) => {
                let message = format!("`{}` is a parameter, and there is none", token.token);
                return Err(
                    Diagnostic::error(sql.span(token.span), message).help("write the value itself")
                );
            }
            _ => {}
        }
    }
    match open.last() {
        Some(bracket) => {
            let close = if bracket.token == Token::LParen { ")" } else { "]" };
            let message = format!("this `{}` is not closed", bracket.token);
            let help = format!("write `{close}` where it ends");
            Err(Diagnostic::error(sql.span(bracket.span), message).help(help))
        }
        None => Ok(tokens),
    }
}

/// An error of the parser, which says the place in its text.
fn syntax(sql: &Sql, tokens: &[TokenWithSpan], error: ParserError) -> Diagnostic {
    let text = match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text,
        ParserError::RecursionLimitExceeded => {
            return Diagnostic::error(sql.place, "this SQL is nested too deep")
                .help("say it in several fields, or with fewer brackets");
        }
    };
    match text.rsplit_once(" at Line: ") {
        Some((message, place)) => refusal(sql, tokens, message, location(place)),
        None => refusal(sql, tokens, &text, None),
    }
}

/// `3, Column: 14`.
fn location(text: &str) -> Option<Location> {
    let (line, column) = text.split_once(", Column: ")?;
    Some(Location { line: line.parse().ok()?, column: column.parse().ok()? })
}

fn refusal(sql: &Sql, tokens: &[TokenWithSpan], message: &str, at: Option<Location>) -> Diagnostic {
    let last = tokens.iter().rev().find(|one| !matches!(one.token, Token::Whitespace(_)));
    let token = match at {
        Some(at) if at.line > 0 => tokens.iter().find(|token| token.span.start == at),
        _ => last,
    };
    let place = match (token, at) {
        (Some(token), _) => sql.span(token.span),
        (None, Some(at)) => sql.span(Span::new(at, at)),
        (None, None) => sql.place,
    };
    let message = match message.strip_prefix("Expected: ").and_then(|m| m.split_once(", found: ")) {
        Some((expected, "EOF")) => format!("the SQL ends where {expected} is expected"),
        Some((expected, found)) => format!("{expected} is expected here, not `{found}`"),
        None => format!("this is not SQL: {}", message.trim_end_matches('.').to_lowercase()),
    };
    Diagnostic::error(place, message)
}
