//! Random SQL over the rows in scope: scalar queries, `EXISTS`, `IN` and `ANY`, nested, with joins;
//! and whole queries with groups, `DISTINCT` and `UNION ALL`. Whatever Postgres could answer in
//! several ways is ordered, so that there is one answer.

use flusso_tests::dice::Dice;

use crate::tables::Table;

/// Rows that a name stands for, the outermost first: the name and the position of its table.
pub type Scope = Vec<(String, usize)>;

/// Writes SQL.
pub struct Queries<'a> {
    /// Chance.
    pub dice: &'a mut Dice,
    /// The tables there are.
    pub tables: &'a [Table],
    /// Rows that can be named.
    pub scope: Scope,
    /// Queries that may still stand in one another.
    pub depth: usize,
}

/// What follows FROM, with the condition that links it to the rows around.
pub struct Source {
    /// `t1 q3 JOIN t2 q4 ON …`.
    pub from: String,
    /// `q3.id = t0.r0_id`.
    pub linked: String,
    /// The relations, by which ties are decided.
    rows: Scope,
}

impl Source {
    /// The first relation's name.
    fn first(&self) -> &str {
        &self.rows[0].0
    }
}

/// What can be asked of the columns that every table has: the tag of a field and the expression.
const REDUCED: [(&str, &str); 20] = [
    ("long", "count(*)"),
    ("long", "sum(@.n)"),
    ("decimal", "sum(@.d)"),
    ("decimal", "avg(@.n)"),
    ("keyword", "max(@.s)"),
    ("timestamp", "min(@.at)"),
    ("boolean", "bool_or(@.b)"),
    ("long", "count(DISTINCT @.s)"),
    ("decimal", "coalesce(max(@.d), 0) + count(@.n) FILTER (WHERE @.b)"),
    ("keyword", "string_agg(@.s, '-' ORDER BY @.n, @.s)"),
    ("integer", "array_agg(@.n ORDER BY @.n NULLS FIRST)"),
    ("boolean", "bool_and(@.n > 1)"),
    ("decimal", "sum(@.d) FILTER (WHERE @.n > 1)"),
    ("long", "sum(CASE WHEN @.b THEN @.n ELSE cardinality(@.a) END)"),
    ("decimal", "round(avg(@.d), 2)"),
    ("keyword", "to_char(max(@.at), 'YYYY-MM-DD') || min(@.s)"),
    ("long", "count(DISTINCT @.n) FILTER (WHERE NOT @.b)"),
    ("keyword", "coalesce(string_agg(DISTINCT @.s, ',' ORDER BY @.s DESC), 'none')"),
    ("keyword", "string_agg(DISTINCT @.s, '+')"),
    ("integer", "array_agg(DISTINCT @.n)"),
];

impl Queries<'_> {
    /// A field: its tag, and the expression. None where nothing leads on.
    pub fn value(&mut self) -> Option<(String, String)> {
        Some(match self.dice.below(13) {
            0..3 => {
                let (source, more) = self.source_and_condition(4)?;
                let (tag, of) = *self.dice.pick(&REDUCED);
                let of = of.replace('@', &self.some_row(&source));
                let Source { from, linked, .. } = source;
                (tag.into(), format!("(SELECT {of} FROM {from} WHERE {linked}{more})"))
            }
            3 => {
                let (source, more) = self.source_and_condition(2)?;
                let shown = self.some_row(&source);
                let order = self.order(&source);
                let skip = if self.dice.once_in(4) { " OFFSET 1" } else { "" };
                let Source { from, linked, .. } = source;
                let query = format!(
                    "(SELECT {shown}.s FROM {from} WHERE {linked}{more} ORDER BY {order} LIMIT 1{skip})"
                );
                ("keyword".into(), query)
            }
            4 => {
                let (source, more) = self.source_and_condition(1)?;
                let shown = self.some_row(&source);
                let order = self.order(&source);
                let Source { from, linked, .. } = source;
                let query = format!(
                    "ARRAY(SELECT {shown}.n FROM {from} WHERE {linked}{more} ORDER BY {order})"
                );
                ("integer".into(), query)
            }
            5 => {
                let first = self.value()?;
                let number = ["long", "decimal"].contains(&first.0.as_str());
                let of = if number { format!("{} * 2 - 1", first.1) } else { first.1 };
                (first.0, of)
            }
            6 => {
                let (condition, (tag, of)) = (self.condition()?, self.value()?);
                let otherwise = if self.dice.once_in(2) { " ELSE NULL" } else { "" };
                (tag, format!("CASE WHEN {condition} THEN {of}{otherwise} END"))
            }
            7 => {
                let (tag, of) = self.value()?;
                let otherwise = match tag.as_str() {
                    "long" | "decimal" => "-1",
                    "keyword" => "'none'",
                    "boolean" => "false",
                    "integer" => "'{}'",
                    _ => "'2000-01-01'",
                };
                (tag, format!("coalesce({of}, {otherwise})"))
            }
            8 => {
                let (source, more) = self.source_and_condition(2)?;
                let of = self.some_row(&source);
                let Source { from, linked, .. } = source;
                let query = format!(
                    "(SELECT sum(e.x * e.i) FROM {from}, unnest({of}.a) WITH ORDINALITY AS e (x, i) \
                     WHERE {linked}{more})"
                );
                ("long".into(), query)
            }
            9 => {
                let (source, more) = self.source_and_condition(2)?;
                let (of, order) = (source.first().to_owned(), self.order(&source));
                let Source { from, linked, .. } = source;
                let query = format!(
                    "ARRAY(SELECT e.x FROM {from}, unnest({of}.a) WITH ORDINALITY AS e (x, i) \
                     WHERE {linked}{more} ORDER BY {order}, e.i)"
                );
                ("integer".into(), query)
            }
            _ => ("boolean".into(), self.condition()?),
        })
    }

    /// A condition on the innermost row.
    pub fn condition(&mut self) -> Option<String> {
        let (name, table) = self.scope.last()?.clone();
        let plain = !self.tables[table].junction;
        Some(match self.dice.below(7) {
            0 | 1 if plain => self.simple(&name),
            2 if plain => {
                let (source, more) = self.source_and_condition(2)?;
                let among = self.some_row(&source);
                let what = *self.dice.pick(&["IN", "NOT IN", "= ANY", "> ANY", "<= ALL", "<> ALL"]);
                let Source { from, linked, .. } = source;
                format!("{name}.n {what} (SELECT {among}.n FROM {from} WHERE {linked}{more})")
            }
            3 if plain => {
                let (source, more) = self.source_and_condition(1)?;
                let of = self.some_row(&source);
                let Source { from, linked, .. } = source;
                format!("{name}.n < (SELECT avg({of}.n) FROM {from} WHERE {linked}{more})")
            }
            4 => {
                let (a, b) = (self.condition()?, self.condition()?);
                let or = *self.dice.pick(&["OR", "AND"]);
                format!("(({a}) {or} ({b}))")
            }
            _ => {
                let (source, more) = self.source_and_condition(2)?;
                let not = if self.dice.once_in(2) { "NOT " } else { "" };
                let Source { from, linked, .. } = source;
                format!("{not}EXISTS (SELECT 1 FROM {from} WHERE {linked}{more})")
            }
        })
    }

    /// A whole query with columns `k` and `c`, in order.
    pub fn select(&mut self) -> Option<String> {
        let (source, more) = self.source_and_condition(2)?;
        let (a, b) = (self.some_row(&source), self.some_row(&source));
        let order = self.order(&source);
        let Source { from, linked, .. } = &source;
        let limit = if self.dice.once_in(3) { " LIMIT 2" } else { "" };
        Some(match self.dice.below(5) {
            0 | 1 => {
                let having = *self.dice.pick(&["", " HAVING count(*) > 1", " HAVING bool_or(@.b)"]);
                let having = having.replace('@', &b);
                format!(
                    "SELECT {a}.s AS k, count(*) AS c FROM {from} WHERE {linked}{more} \
                     GROUP BY {a}.s{having} ORDER BY c DESC, k{limit}"
                )
            }
            2 => format!(
                "SELECT DISTINCT {a}.s AS k, {b}.n AS c FROM {from} WHERE {linked}{more} \
                 ORDER BY k DESC, c{limit}"
            ),
            3 => format!(
                "SELECT DISTINCT ON ({a}.b) {a}.s AS k, {b}.n AS c FROM {from} \
                 WHERE {linked}{more} ORDER BY {a}.b, {order}{limit}"
            ),
            _ => {
                let (other, and) = self.source_and_condition(1)?;
                let of = self.some_row(&other);
                let Source { from: beside, linked: too, .. } = other;
                format!(
                    "SELECT u.k, u.c FROM (SELECT {a}.s AS k, {b}.n AS c FROM {from} \
                     WHERE {linked}{more} UNION ALL SELECT {of}.s, {of}.n FROM {beside} \
                     WHERE {too}{and}) u ORDER BY u.c, u.k{limit}"
                )
            }
        })
    }

    /// What follows JOIN, with an order of its rows and the first relation.
    pub fn join(&mut self) -> Option<(String, String, (String, usize))> {
        let Source { from, linked, rows } = self.source(1)?;
        let (name, _) = &rows[0];
        let (first, rest) = match from.split_once(&format!(" {name} ")) {
            Some((table, rest)) => (format!("{table} {name}"), format!(" {rest}")),
            None => (from, String::new()),
        };
        let order = format!("{name}.n DESC NULLS LAST, {}.s", rows[rows.len() - 1].0);
        Some((format!("{first} ON {linked}{rest}"), order, rows[0].clone()))
    }

    /// A source of rows, and what is asked of its first relation beyond the link.
    fn source_and_condition(&mut self, most: usize) -> Option<(Source, String)> {
        self.depth = self.depth.checked_sub(1)?;
        let source = self.source(most);
        let more = match &source {
            Some(source) if !self.dice.once_in(3) => {
                self.scope.push(source.rows[0].clone());
                let condition = match self.dice.once_in(2) {
                    true => self.condition(),
                    false => None,
                };
                let simple = self.simple(source.first());
                self.scope.pop();
                format!(" AND {}", condition.unwrap_or(simple))
            }
            _ => String::new(),
        };
        self.depth += 1;
        Some((source?, more))
    }

    /// Relations linked to rows in scope; those with columns beside their keys only.
    fn source(&mut self, most: usize) -> Option<Source> {
        let around = self.visible();
        let (first, linked) = self.linked(&around)?;
        let (name, table) = &first;
        let mut from = format!("{} {name}", self.tables[*table].name);
        let mut rows = vec![first.clone()];
        for _ in 1..most {
            if self.dice.once_in(3) {
                break;
            }
            let near = if self.dice.once_in(5) { around.clone() } else { rows.clone() };
            let Some((next, on)) = self.linked(&near) else { break };
            let kind = *self.dice.pick(&["JOIN", "JOIN", "LEFT JOIN"]);
            from += &format!(" {kind} {} {} ON {on}", self.tables[next.1].name, next.0);
            rows.push(next);
        }
        Some(Source { from, linked, rows })
    }

    /// A new relation by its link to one of these rows: a reference in either direction.
    fn linked(&mut self, rows: &Scope) -> Option<((String, usize), String)> {
        let mut ways: Vec<(usize, String)> = Vec::new();
        let new = format!("q{}", self.dice.below(1_000_000));
        for (name, table) in rows {
            for reference in &self.tables[*table].references {
                let key = self.tables[reference.to].key.iter().map(|(column, _)| column);
                let pairs = key.zip(&reference.columns);
                let pairs = pairs.map(|(key, column)| format!("{new}.{key} = {name}.{column}"));
                ways.push((reference.to, pairs.collect::<Vec<_>>().join(" AND ")));
            }
            for (other, far) in self.tables.iter().enumerate() {
                for reference in far.references.iter().filter(|one| one.to == *table) {
                    let key = self.tables[*table].key.iter().map(|(column, _)| column);
                    let pairs = key.zip(&reference.columns);
                    let pairs = pairs.map(|(key, column)| format!("{new}.{column} = {name}.{key}"));
                    ways.push((other, pairs.collect::<Vec<_>>().join(" AND ")));
                }
            }
        }
        ways.retain(|(table, _)| !self.tables[*table].junction);
        if ways.is_empty() {
            return None;
        }
        let (table, link) = self.dice.pick(&ways).clone();
        Some(((new, table), link))
    }

    /// The rows in scope that no inner one hides.
    fn visible(&self) -> Scope {
        let hidden = |at: usize| {
            let (name, _) = &self.scope[at];
            self.scope[at + 1..].iter().any(|(inner, _)| inner == name)
        };
        (0..self.scope.len()).filter(|at| !hidden(*at)).map(|at| self.scope[at].clone()).collect()
    }

    fn some_row(&mut self, source: &Source) -> String {
        self.dice.pick(&source.rows).0.clone()
    }

    /// An order without ties.
    fn order(&mut self, source: &Source) -> String {
        let by = *self.dice.pick(&["n", "s DESC", "at DESC NULLS LAST", "d NULLS FIRST"]);
        let mut keys = vec![format!("{}.{by}", source.first())];
        for (name, table) in &source.rows {
            let key = self.tables[*table].key.iter();
            keys.extend(key.map(|(column, _)| format!("{name}.{column}")));
        }
        keys.join(", ")
    }

    fn simple(&mut self, name: &str) -> String {
        let conditions = [
            "@.n > 2",
            "@.n NOT IN (1, 2)",
            "@.s LIKE '%b%'",
            "@.s IS NOT NULL",
            "@.d <= 1.5",
            "@.b",
            "@.b IS DISTINCT FROM true",
            "@.at >= '2024-01-03'",
            "@.n % 2 = 0 OR @.s < 'b'",
            "@.a && ARRAY[1, 3]",
            "4 = ANY (@.a)",
            "@.s ILIKE 'A%'",
            "@.n BETWEEN 1 AND 3",
            "CASE WHEN @.b THEN @.n > 1 ELSE @.s = 'a' END",
            "coalesce(@.n, 0) + coalesce(@.d, 1) > 2",
            "@.s ~ '^a?b'",
            "(SELECT count(*) FROM unnest(@.a) AS e (x) WHERE e.x > 1) = 1",
        ];
        let condition = format!("({})", self.dice.pick(&conditions).replace('@', name));
        let around: Scope = self.visible();
        let outer: Vec<_> =
            around.into_iter().filter(|(_, table)| !self.tables[*table].junction).collect();
        match outer.as_slice() {
            rows if !rows.is_empty() && self.dice.once_in(4) => {
                let (other, _) = self.dice.pick(rows);
                format!("{name}.n <= {other}.n")
            }
            _ => condition,
        }
    }
}
