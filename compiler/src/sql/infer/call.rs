//! Calls of functions: those of the table, those with a grammar of their own, aggregates.

use std::ops::ControlFlow;

use sqlparser::ast::{
    self, CeilFloorKind, DateTimeField, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, TrimWhereField,
};

use super::{Typed, Typer, ident, shown};
use crate::diagnostics::{Place, nearest};
use crate::expr::{Comparison, Expr};
use crate::types::SqlType;

/// What `extract`, `date_part` and `date_trunc` can ask for, apart from plurals.
const FIELDS: [&str; 22] = [
    "century",
    "day",
    "decade",
    "dow",
    "doy",
    "epoch",
    "hour",
    "isodow",
    "isoyear",
    "julian",
    "microseconds",
    "millennium",
    "milliseconds",
    "minute",
    "month",
    "quarter",
    "second",
    "timezone",
    "timezone_hour",
    "timezone_minute",
    "week",
    "year",
];

impl Typer<'_> {
    /// A call as it is written.
    pub(super) fn function(&mut self, call: &ast::Function, place: Place) -> Option<Typed> {
        let ast::Function { name, args, parameters, filter, over, within_group, .. } = call;
        let parts = self.object_name(name, place)?;
        let name = match parts.as_slice() {
            [name] => name.clone(),
            [schema, name] if schema == "pg_catalog" => name.clone(),
            _ => {
                let message = format!("functions of your own, as `{name}`, are not supported");
                self.error_help(place, message, "say what it computes in SQL");
                return None;
            }
        };
        if parts.len() == 1 && matches!(name.as_str(), "position" | "extract") {
            let form =
                if name == "position" { "position(part IN text)" } else { "extract(day FROM at)" };
            let message = format!("`{name}` takes no list");
            self.error_help(place, message, format!("write `{form}`"));
            return None;
        }
        // The name stands first, and is what most messages are about.
        if over.is_some() {
            let message = format!("`{name}(…) OVER` is a window function, which is not supported");
            self.error_help(place, message, "use `order_by` and `limit`, or a subquery");
            return None;
        }
        if !matches!(parameters, FunctionArguments::None) || !within_group.is_empty() {
            let message = format!("this form of `{name}` is not supported");
            self.error_help(
                place,
                message,
                "order by the value, and take the row by LIMIT and OFFSET",
            );
            return None;
        }
        let list = match args {
            FunctionArguments::None => None,
            FunctionArguments::List(list) => Some(list),
            FunctionArguments::Subquery(query) if name == "array" => {
                return self.array_query(query, place);
            }
            FunctionArguments::Subquery(_) => {
                self.error_help(place, "a query is no argument", "put it in brackets of its own");
                return None;
            }
        };
        if super::super::query::is_aggregate(&name) {
            return self.aggregate(&name, list, filter.as_deref(), place);
        }
        let clauses =
            list.is_some_and(|list| list.duplicate_treatment.is_some() || !list.clauses.is_empty());
        if clauses || filter.is_some() {
            self.error(place, format!("`{name}` is no aggregate and takes only arguments"));
            return None;
        }
        let mut args = Vec::new();
        for arg in list.into_iter().flat_map(|list| &list.args) {
            args.push(self.argument(arg, &name, place)?);
        }
        match name.as_str() {
            "coalesce" | "greatest" | "least" => self.choice(&name, &args, place),
            "nullif" => self.nullif(&args, place),
            name => self.call(name, &args, place),
        }
    }

    /// An argument by position.
    pub(in crate::sql) fn argument<'e>(
        &mut self,
        arg: &'e FunctionArg,
        name: &str,
        place: Place,
    ) -> Option<&'e ast::Expr> {
        match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) => Some(arg),
            FunctionArg::Unnamed(_) => {
                self.error_help(place, format!("`{name}(*)` is no call"), "name its arguments");
                None
            }
            FunctionArg::Named { name: arg, .. } => {
                let message = format!("`{}` is an argument by name", ident(arg));
                self.error_help(place, message, "give the arguments in their order");
                None
            }
            FunctionArg::ExprNamed { .. } => {
                self.error(place, "arguments by name are not supported");
                None
            }
        }
    }

    /// A function of the table, of arguments as they are written.
    pub(super) fn call(&mut self, name: &str, args: &[&ast::Expr], place: Place) -> Option<Typed> {
        let typed: Vec<Option<Typed>> = args.iter().map(|arg| self.expr(arg)).collect();
        let typed: Option<Vec<Typed>> = typed.into_iter().collect();
        let typed = typed?;
        if matches!(name, "lower" | "upper" | "initcap") || name.starts_with("regexp_") {
            self.case_of(args)?;
        }
        if matches!(name, "extract" | "date_part" | "date_trunc") {
            self.field(typed.first()?, name)?;
        }
        self.resolved(name, typed, place)
    }

    /// The field of a date that is asked for, when it is a constant.
    fn field(&mut self, of: &Typed, name: &str) -> Option<()> {
        let Expr::Literal(Some(text), _) = &of.expr else { return Some(()) };
        let field = text.to_lowercase();
        let one = |known: &&str| {
            **known == field
                || field.strip_suffix('s') == Some(known)
                || known.strip_suffix('s') == Some(&field)
        };
        let plural = [
            "centuries",
            "millennia",
            "msec",
            "usec",
            "mon",
            "min",
            "sec",
            "y",
            "d",
            "h",
            "m",
            "s",
        ];
        if FIELDS.iter().any(one) || plural.contains(&field.as_str()) {
            return Some(());
        }
        let message = format!("`{text}` is nothing that `{name}` can ask for");
        match nearest(&field, FIELDS.into_iter()) {
            Some(near) => self.error_help(of.place, message, format!("did you mean `{near}`?")),
            None => self.error_help(of.place, message, format!("one of {}", FIELDS.join(", "))),
        }
        None
    }

    /// `EXTRACT(field FROM of)`.
    pub(super) fn extract(
        &mut self,
        field: &DateTimeField,
        of: &ast::Expr,
        place: Place,
    ) -> Option<Typed> {
        let text = match field {
            DateTimeField::Custom(name) => name.value.to_lowercase(),
            field => field.to_string().to_lowercase(),
        };
        let of = self.expr(of)?;
        let expr = Expr::Literal(Some(text), SqlType::Text);
        let field = Typed { expr, ty: SqlType::Text, untyped: false, place };
        self.field(&field, "extract")?;
        self.resolved("extract", vec![field, of], place)
    }

    /// `ceil` and `floor`, of which sqlparser knows more forms than Postgres.
    pub(super) fn rounding(
        &mut self,
        name: &str,
        of: &ast::Expr,
        kind: &CeilFloorKind,
        place: Place,
    ) -> Option<Typed> {
        match kind {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => {
                self.call(name, &[of], place)
            }
            _ => {
                self.error_help(place, format!("`{name}` takes one number"), "use `date_trunc`");
                None
            }
        }
    }

    /// `SUBSTRING(of FROM from FOR length)` and `substring(of, from, length)`.
    pub(super) fn substring(
        &mut self,
        name: &str,
        of: &ast::Expr,
        from: Option<&ast::Expr>,
        length: Option<&ast::Expr>,
        place: Place,
    ) -> Option<Typed> {
        let one = ast::Expr::value(ast::Value::Number("1".into(), false));
        match (from, length) {
            (Some(from), Some(length)) => self.call(name, &[of, from, length], place),
            (Some(from), None) => self.call(name, &[of, from], place),
            (None, Some(length)) => self.call(name, &[of, &one, length], place),
            (None, None) => self.call(name, &[of], place),
        }
    }

    /// `TRIM(BOTH what FROM of)` and its kin.
    pub(super) fn trim(
        &mut self,
        side: Option<&TrimWhereField>,
        what: Option<&ast::Expr>,
        of: &ast::Expr,
        characters: Option<&[ast::Expr]>,
        place: Place,
    ) -> Option<Typed> {
        let name = match side {
            None | Some(TrimWhereField::Both) => "trim",
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
        };
        let mut args = vec![of];
        args.extend(what);
        args.extend(characters.into_iter().flatten());
        self.call(name, &args, place)
    }

    /// `COLLATE`, which may only say what is done anyway.
    pub(super) fn collate(
        &mut self,
        of: &ast::Expr,
        collation: &ast::ObjectName,
        place: Place,
    ) -> Option<Typed> {
        let parts = self.object_name(collation, place)?;
        // A text in quotes stays one that nothing has given a type yet.
        let of = self.expr(of)?;
        if !of.untyped && of.ty.is_known() && !is_collatable(&of.ty) {
            let message = format!("only text has a collation, and this is {}", shown(&of.ty));
            self.error_help(of.place, message, "leave COLLATE out");
            return None;
        }
        match parts.last().map(String::as_str) {
            Some("C" | "POSIX" | "ucs_basic") => Some(of),
            _ => {
                let message = format!("the collation {collation} is not supported");
                let help = "text is ordered by its bytes, as by `COLLATE \"C\"`";
                self.error_help(place, message, help);
                None
            }
        }
    }

    /// Refuses `COLLATE` in what is told apart by case or by class: letters are Unicode's here. What
    /// `convert_from` gives is of the collation C, which it has from the name of the encoding.
    pub(super) fn case_of(&mut self, args: &[&ast::Expr]) -> Option<()> {
        let collated = |one: &ast::Expr| match one {
            ast::Expr::Collate { .. } => ControlFlow::Break("leave COLLATE out"),
            ast::Expr::Function(call) if is_convert_from(&call.name) => ControlFlow::Break(
                "keep the text in a column: that of `convert_from` is of the collation C",
            ),
            _ => ControlFlow::Continue(()),
        };
        let found = args.iter().find_map(|arg| match ast::visit_expressions(*arg, collated) {
            ControlFlow::Break(cure) => Some((*arg, cure)),
            ControlFlow::Continue(()) => None,
        });
        let Some((found, cure)) = found else { return Some(()) };
        let message = "case and classes of letters are Unicode's here, in any collation";
        self.error_help(self.place(found), message, cure);
        None
    }

    fn choice(&mut self, name: &str, args: &[&ast::Expr], place: Place) -> Option<Typed> {
        if args.is_empty() {
            self.error(place, format!("`{name}` needs a value"));
            return None;
        }
        let typed: Vec<Option<Typed>> = args.iter().map(|arg| self.expr(arg)).collect();
        let typed: Option<Vec<Typed>> = typed.into_iter().collect();
        let (list, ty) = self.unite(typed?, &format!("`{name}`"), place)?;
        let expr = match name {
            "coalesce" => Expr::Coalesce(list),
            name => {
                let class = self.compared(&ty, true, place)?;
                self.by_bytes(&class, place);
                match name {
                    "greatest" => Expr::Greatest(list, class),
                    _ => Expr::Least(list, class),
                }
            }
        };
        Some(Typed { expr, ty, untyped: false, place })
    }

    fn nullif(&mut self, args: &[&ast::Expr], place: Place) -> Option<Typed> {
        let [left, right] = args else {
            self.error(place, "`nullif` takes two values");
            return None;
        };
        let (left, right) = (self.expr(left)?, self.expr(right)?);
        let (first, crosses) = (left.clone(), crosses(&left.ty, &right.ty));
        let (left, right, class) = self.align(left, right, "=", place)?;
        if crosses {
            let ty = first.ty;
            let (left, right) = (Box::new(left.expr), Box::new(right.expr));
            let equal = Expr::Compare(Comparison::Eq, left, right, class);
            let branches = vec![(equal, Expr::Literal(None, ty.clone()))];
            let expr = Expr::Case { branches, otherwise: Some(Box::new(first.expr)) };
            return Some(Typed { expr, ty, untyped: false, place });
        }
        let ty = left.ty.clone();
        let expr = Expr::NullIf(Box::new(left.expr), Box::new(right.expr), class);
        Some(Typed { expr, ty, untyped: false, place })
    }

    /// What stands in the brackets of an aggregate beside its arguments.
    pub(in crate::sql) fn within<'e>(
        &mut self,
        clauses: &'e [FunctionArgumentClause],
        place: Place,
    ) -> Option<&'e [ast::OrderByExpr]> {
        match clauses {
            [] => Some(&[]),
            [FunctionArgumentClause::OrderBy(order)] => Some(order),
            _ => {
                self.error(place, "this clause is not supported in an aggregate");
                None
            }
        }
    }
}

fn is_convert_from(name: &ast::ObjectName) -> bool {
    let last = name.0.last().and_then(ast::ObjectNamePart::as_ident);
    last.is_some_and(|last| ident(last) == "convert_from")
}

/// Whether values of a type have a collation.
fn is_collatable(ty: &SqlType) -> bool {
    match ty {
        SqlType::Text | SqlType::Bpchar | SqlType::Citext => true,
        SqlType::Array(element) => is_collatable(element),
        _ => false,
    }
}

/// Whether Postgres compares two types without bringing them to one, so that the first keeps its.
fn crosses(left: &SqlType, right: &SqlType) -> bool {
    use SqlType::{Date, Float4, Float8, Int2, Int4, Int8, Numeric, Timestamp, TimestampTz};
    let all = |of: &[SqlType]| of.contains(left) && of.contains(right);
    left != right
        && (all(&[Int2, Int4, Int8])
            || all(&[Float4, Float8])
            || (*left == Float4 && matches!(right, Int2 | Int4 | Int8 | Numeric(_)))
            || all(&[Date, Timestamp, TimestampTz]))
}
