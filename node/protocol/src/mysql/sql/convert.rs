//! From `sqlparser`'s statements to ours. Every field is named, so that none is passed over when the parser learns more.

use sqlparser::ast;

use super::{Delete, Insert, Item, Limit, Name, Order, Refusal, Select, Session, Table, Update};

/// Counts parameters and depth on the way through a statement.
#[derive(Debug, Default)]
pub(super) struct Converter {
    /// Parameters come across so far.
    pub(super) parameters: usize,
    /// How deep in expressions.
    pub(super) depth: usize,
}

/// Refuses a statement with the first clause that is there.
fn none(clauses: &[(bool, &'static str)]) -> Result<(), Refusal> {
    match clauses.iter().find(|(there, _)| *there) {
        Some((_, clause)) => Err(Refusal::Clause(clause)),
        None => Ok(()),
    }
}

impl Converter {
    /// A whole SELECT.
    pub(super) fn select(&mut self, mut query: ast::Query) -> Result<Select, Refusal> {
        let (order, limits) = (query.order_by.take(), query.limit_clause.take());
        let ast::SetExpr::Select(select) = bare(query)? else {
            return Err(Refusal::Clause("UNION or a nested query"));
        };
        let mut select = self.plain_select(*select)?;
        select.order = self.order(order)?;
        select.limit = limits.map(limit).transpose()?;
        Ok(select)
    }

    fn plain_select(&mut self, select: ast::Select) -> Result<Select, Refusal> {
        let ast::Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        let grouped = group_by != ast::GroupByExpr::Expressions(Vec::new(), Vec::new());
        none(&[
            (!optimizer_hints.is_empty(), "hints"),
            (distinct.is_some(), "DISTINCT"),
            (select_modifiers.is_some_and(|modifiers| modifiers.is_any_set()), "modifiers"),
            (top.is_some(), "TOP"),
            (exclude.is_some(), "EXCLUDE"),
            (into.is_some(), "INTO"),
            (!lateral_views.is_empty(), "LATERAL"),
            (prewhere.is_some(), "PREWHERE"),
            (!connect_by.is_empty(), "CONNECT BY"),
            (grouped, "GROUP BY"),
            (!cluster_by.is_empty() || !distribute_by.is_empty() || !sort_by.is_empty(), "CLUSTER BY"),
            (having.is_some(), "HAVING"),
            (!named_window.is_empty(), "WINDOW"),
            (qualify.is_some(), "QUALIFY"),
            (value_table_mode.is_some(), "AS STRUCT"),
            (flavor != ast::SelectFlavor::Standard, "FROM before SELECT"),
        ])?;
        let items = projection.into_iter().map(|item| self.item(item)).collect::<Result<_, _>>()?;
        let table = if from.is_empty() { None } else { Some(one_table(from)?) };
        let filter = selection.map(|filter| self.expr(filter)).transpose()?;
        Ok(Select { items, table, filter, order: Vec::new(), limit: None })
    }

    fn item(&mut self, item: ast::SelectItem) -> Result<Item, Refusal> {
        match item {
            ast::SelectItem::UnnamedExpr(value) => {
                let value = self.expr(value)?;
                let label = label_of(&value);
                Ok(Item::Value { value, label, alias: false })
            }
            ast::SelectItem::ExprWithAlias { expr, alias } => {
                let label = name(&alias)?.0;
                Ok(Item::Value { value: self.expr(expr)?, label, alias: true })
            }
            ast::SelectItem::Wildcard(options) => {
                let plain = ast::WildcardAdditionalOptions {
                    wildcard_token: options.wildcard_token.clone(),
                    ..Default::default()
                };
                if options == plain { Ok(Item::All) } else { Err(Refusal::Clause("options of *")) }
            }
            ast::SelectItem::ExprWithAliases { .. } | ast::SelectItem::QualifiedWildcard(..) => {
                Err(Refusal::Expression)
            }
        }
    }

    fn order(&mut self, order: Option<ast::OrderBy>) -> Result<Vec<Order>, Refusal> {
        let Some(ast::OrderBy { kind, interpolate }) = order else { return Ok(Vec::new()) };
        let (ast::OrderByKind::Expressions(list), None) = (kind, interpolate) else {
            return Err(Refusal::Clause("ORDER BY ALL"));
        };
        let mut orders = Vec::new();
        for ast::OrderByExpr { expr, options, with_fill } in list {
            let ast::OrderByOptions { sort, nulls_first } = options;
            none(&[(with_fill.is_some(), "WITH FILL"), (nulls_first.is_some(), "NULLS FIRST")])?;
            let descending = match sort {
                None | Some(ast::OrderBySort::Asc) => false,
                Some(ast::OrderBySort::Desc) => true,
                Some(ast::OrderBySort::Using(_)) => return Err(Refusal::Clause("USING")),
            };
            orders.push(Order { by: self.expr(expr)?, descending });
        }
        Ok(orders)
    }

    /// An INSERT or REPLACE with VALUES.
    pub(super) fn insert(&mut self, insert: ast::Insert) -> Result<Insert, Refusal> {
        let ast::Insert {
            insert_token: _,
            optimizer_hints,
            or,
            ignore,
            into: _,
            table,
            table_alias,
            columns,
            by_name,
            overwrite,
            source,
            assignments,
            partitioned,
            after_columns,
            overriding,
            has_table_keyword,
            on,
            returning,
            output,
            replace_into,
            priority,
            insert_alias,
            settings,
            format_clause,
            multi_table_insert_type,
            multi_table_into_clauses,
            multi_table_when_clauses,
            multi_table_else_clause,
        } = insert;
        none(&[
            (!optimizer_hints.is_empty(), "hints"),
            (or.is_some() || overriding.is_some() || by_name, "INSERT OR"),
            (table_alias.is_some() || insert_alias.is_some(), "an alias"),
            (overwrite || has_table_keyword, "OVERWRITE"),
            (!assignments.is_empty(), "INSERT SET"),
            (partitioned.is_some() || !after_columns.is_empty(), "PARTITION"),
            (on.is_some(), "ON DUPLICATE KEY"),
            (returning.is_some() || output.is_some(), "RETURNING"),
            (settings.is_some() || format_clause.is_some(), "SETTINGS"),
            (multi_table_insert_type.is_some() || multi_table_else_clause.is_some(), "several tables"),
            (!multi_table_into_clauses.is_empty() || !multi_table_when_clauses.is_empty(), "several tables"),
        ])?;
        let delayed = match priority {
            None | Some(ast::MysqlInsertPriority::LowPriority) => false,
            Some(ast::MysqlInsertPriority::Delayed) => true,
            Some(ast::MysqlInsertPriority::HighPriority) => return Err(Refusal::Clause("HIGH_PRIORITY")),
        };
        let ast::TableObject::TableName(table) = table else { return Err(Refusal::Clause("no plain table")) };
        let columns = columns.iter().map(single_name).collect::<Result<Vec<_>, _>>()?;
        let rows = self.rows(source, columns.len())?;
        Ok(Insert { replace: replace_into, ignore, delayed, table: table_of(&table)?, columns, rows })
    }

    fn rows(&mut self, source: Option<Box<ast::Query>>, columns: usize) -> Result<Vec<Vec<super::Expr>>, Refusal> {
        let mut source = *source.ok_or(Refusal::Clause("no VALUES"))?;
        let extras = source.order_by.take().is_some() || source.limit_clause.take().is_some();
        let ast::SetExpr::Values(values) = bare(source)? else { return Err(Refusal::Clause("INSERT SELECT")) };
        let ast::Values { explicit_row, value_keyword: _, rows } = values;
        none(&[(extras || explicit_row, "more than VALUES")])?;
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            let row = row.content.into_iter().map(|value| self.expr(value)).collect::<Result<Vec<_>, _>>()?;
            if columns != 0 && row.len() != columns {
                return Err(Refusal::Clause("rows that do not fit the columns"));
            }
            all.push(row);
        }
        Ok(all)
    }

    /// An UPDATE of one table.
    pub(super) fn update(&mut self, update: ast::Update) -> Result<Update, Refusal> {
        let ast::Update {
            update_token: _,
            optimizer_hints,
            table,
            on_cluster,
            assignments,
            from,
            selection,
            returning,
            output,
            or,
            order_by,
            limit,
            settings,
        } = update;
        none(&[
            (!optimizer_hints.is_empty(), "hints"),
            (from.is_some(), "FROM"),
            (returning.is_some() || output.is_some(), "RETURNING"),
            (or.is_some() || on_cluster.is_some() || settings.is_some(), "UPDATE OR"),
            (!order_by.is_empty(), "ORDER BY"),
        ])?;
        let table = one_table(vec![table])?;
        let mut changes = Vec::with_capacity(assignments.len());
        for ast::Assignment { target, value } in assignments {
            let ast::AssignmentTarget::ColumnName(target) = target else { return Err(Refusal::Expression) };
            changes.push((single_name(&target)?, self.expr(value)?));
        }
        let filter = selection.map(|filter| self.expr(filter)).transpose()?;
        Ok(Update { table, assignments: changes, filter, limit: limit.map(count).transpose()? })
    }

    /// A DELETE from one table.
    pub(super) fn delete(&mut self, delete: ast::Delete) -> Result<Delete, Refusal> {
        let ast::Delete {
            delete_token: _,
            optimizer_hints,
            tables,
            from,
            on_cluster,
            using,
            selection,
            returning,
            output,
            order_by,
            limit,
            settings,
        } = delete;
        none(&[
            (!optimizer_hints.is_empty(), "hints"),
            (!tables.is_empty() || using.is_some(), "several tables"),
            (returning.is_some() || output.is_some(), "RETURNING"),
            (on_cluster.is_some() || settings.is_some(), "SETTINGS"),
            (!order_by.is_empty(), "ORDER BY"),
        ])?;
        let ast::FromTable::WithFromKeyword(from) = from else { return Err(Refusal::Clause("no FROM")) };
        let table = one_table(from)?;
        let filter = selection.map(|filter| self.expr(filter)).transpose()?;
        Ok(Delete { table, filter, limit: limit.map(count).transpose()? })
    }

    /// SHOW VARIABLES, transactions, USE.
    #[expect(clippy::wildcard_enum_match_arm, reason = "a hundred kinds of statements are refused")]
    pub(super) fn session(&mut self, statement: ast::Statement) -> Result<Session, Refusal> {
        match statement {
            ast::Statement::ShowVariables {
                filter: Some(ast::ShowStatementFilter::Like(pattern)),
                global: false,
                session: _,
            } => Ok(Session::Show(pattern)),
            ast::Statement::StartTransaction { modes, modifier: None, statements, exception: None, .. }
                if modes.is_empty() && statements.is_empty() =>
            {
                Ok(Session::Begin)
            }
            ast::Statement::Commit { chain: false, end: false, modifier: None } => Ok(Session::Commit),
            ast::Statement::Rollback { chain: false, savepoint: None } => Ok(Session::Rollback),
            ast::Statement::Use(ast::Use::Object(database)) => Ok(Session::Use(single_name(&database)?)),
            _ => Err(Refusal::Kind),
        }
    }
}

/// The one plain table of a FROM.
fn one_table(from: Vec<ast::TableWithJoins>) -> Result<Table, Refusal> {
    let mut from = from.into_iter();
    let (Some(ast::TableWithJoins { relation, joins }), None) = (from.next(), from.next()) else {
        return Err(Refusal::Clause("several tables"));
    };
    if !joins.is_empty() {
        return Err(Refusal::Clause("JOIN"));
    }
    let ast::TableFactor::Table {
        name,
        alias: None,
        args: None,
        with_hints,
        version: None,
        with_ordinality: false,
        partitions,
        json_path: None,
        sample: None,
        index_directives,
        inheritance: None,
    } = relation
    else {
        return Err(Refusal::Clause("no plain table"));
    };
    none(&[(!with_hints.is_empty() || !index_directives.is_empty(), "hints"), (!partitions.is_empty(), "PARTITION")])?;
    table_of(&name)
}

fn table_of(name: &ast::ObjectName) -> Result<Table, Refusal> {
    match name.0.as_slice() {
        [table] => Ok(Table { schema: None, name: part(table)? }),
        [schema, table] => Ok(Table { schema: Some(part(schema)?), name: part(table)? }),
        _ => Err(Refusal::Name),
    }
}

/// A name without a table or database before it.
pub(super) fn single_name(name: &ast::ObjectName) -> Result<Name, Refusal> {
    match name.0.as_slice() {
        [only] => part(only),
        _ => Err(Refusal::Name),
    }
}

fn part(part: &ast::ObjectNamePart) -> Result<Name, Refusal> {
    match part {
        ast::ObjectNamePart::Identifier(ident) => name(ident),
        ast::ObjectNamePart::Function(_) => Err(Refusal::Name),
    }
}

/// A name, bare or in backticks.
pub(super) fn name(ident: &ast::Ident) -> Result<Name, Refusal> {
    match ident.quote_style {
        None | Some('`') => Name::new(ident.value.clone()),
        Some(_) => Err(Refusal::Name),
    }
}

/// What a value without an alias is called in a result: the column's name, or the value as it is written anew.
fn label_of(value: &super::Expr) -> String {
    if let super::Expr::Column(name) = value {
        return name.as_str().to_owned();
    }
    String::from_utf8_lossy(&value.render()).into_owned()
}

/// The body of a query of which order and limit have been taken and nothing else may be there.
fn bare(query: ast::Query) -> Result<ast::SetExpr, Refusal> {
    let ast::Query {
        with,
        body,
        order_by,
        limit_clause,
        fetch,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = query;
    none(&[
        (with.is_some(), "WITH"),
        (order_by.is_some(), "ORDER BY"),
        (limit_clause.is_some(), "LIMIT"),
        (fetch.is_some(), "FETCH"),
        (!locks.is_empty(), "a lock"),
        (for_clause.is_some(), "FOR"),
        (settings.is_some(), "SETTINGS"),
        (format_clause.is_some(), "FORMAT"),
        (!pipe_operators.is_empty(), "a pipe"),
    ])?;
    Ok(*body)
}

fn limit(clause: ast::LimitClause) -> Result<Limit, Refusal> {
    match clause {
        ast::LimitClause::LimitOffset { limit, offset, limit_by } if limit_by.is_empty() => {
            let offset = offset.map(|offset| count(offset.value)).transpose()?.unwrap_or(0);
            Ok(Limit { offset, count: limit.map(count).transpose()?.unwrap_or(u64::MAX) })
        }
        ast::LimitClause::LimitOffset { .. } => Err(Refusal::Clause("LIMIT BY")),
        ast::LimitClause::OffsetCommaLimit { offset, limit } => {
            Ok(Limit { offset: count(offset)?, count: count(limit)? })
        }
    }
}

/// A plain number.
fn count(expr: ast::Expr) -> Result<u64, Refusal> {
    let ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Number(digits, false), span: _ }) = expr else {
        return Err(Refusal::Clause("a LIMIT that is no number"));
    };
    digits.parse().map_err(|_| Refusal::Literal)
}
