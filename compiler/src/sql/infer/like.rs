//! `LIKE` and `ILIKE`.

use sqlparser::ast;

use super::{Typed, Typer, shown, truth};
use crate::diagnostics::Place;
use crate::expr::Expr;
use crate::types::SqlType;

impl Typer<'_> {
    /// `of LIKE pattern`.
    pub(super) fn like(
        &mut self,
        of: &ast::Expr,
        pattern: &ast::Expr,
        escape: Option<&ast::Expr>,
        fold: bool,
        place: Place,
    ) -> Option<Typed> {
        if fold {
            self.case_of(&[of, pattern])?;
        }
        let (of, pattern) = (self.expr(of), self.expr(pattern));
        let escape = match escape {
            None => Some('\\'),
            Some(escape) => self.escape(escape)?,
        };
        self.like_of(of?, pattern?, escape, fold, place)
    }

    /// The outer option is none after a mistake.
    fn escape(&mut self, of: &ast::Expr) -> Option<Option<char>> {
        let place = self.place(of);
        let typed = self.expr(of)?;
        if let Expr::Literal(Some(text), _) = &typed.expr {
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (None, _) => return Some(None),
                (Some(one), None) => return Some(Some(one)),
                _ => {}
            }
        }
        self.error_help(place, "`ESCAPE` takes one character", "write `ESCAPE '!'`");
        None
    }

    pub(super) fn like_of(
        &mut self,
        of: Typed,
        pattern: Typed,
        escape: Option<char>,
        fold: bool,
        place: Place,
    ) -> Option<Typed> {
        let of = if of.untyped { self.give(of, &SqlType::Text)? } else { of };
        if of.ty.is_known() && !of.ty.is_text() {
            let message = format!("this is {}, and has no text to match", shown(&of.ty));
            self.error_help(of.place, message, "cast it, as in `…::text`");
            return None;
        }
        let fold = fold || of.ty == SqlType::Citext;
        let pattern = match &pattern.ty {
            SqlType::Bpchar | SqlType::Citext => self.give(pattern, &SqlType::Text)?,
            ty if pattern.untyped || ty.is_text() || !ty.is_known() => {
                self.give(pattern, &SqlType::Text)?
            }
            ty => {
                let message = format!("a pattern is text, and this is {}", shown(ty));
                self.error(pattern.place, message);
                return None;
            }
        };
        if let (Expr::Literal(Some(text), _), Some(escape)) = (&pattern.expr, escape)
            && text.chars().rev().take_while(|one| *one == escape).count() % 2 == 1
        {
            let message = "the pattern ends with its escape character";
            self.error_help(pattern.place, message, "write it twice to mean itself");
            return None;
        }
        let (of, pattern) = (Box::new(of.expr), Box::new(pattern.expr));
        Some(truth(Expr::Like { of, pattern, escape, fold }, place))
    }
}
