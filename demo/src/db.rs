//! The embedded database of one service: SQLite in memory.
//!
//! In: a schema and a function that seeds it; later, queries. Out: rows as the service's types.
//! Elsewhere: the content of the rows ([`crate::facts`]) and their meaning ([`crate::services`]).
//!
//! Always true: the lock is held for one query or transaction and never over an `.await`.

use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, Transaction};

use crate::http::Problem;

/// The database of one service, behind a lock.
#[derive(Debug)]
pub(crate) struct Db {
    connection: Mutex<Connection>,
}

impl Db {
    /// Creates the tables of `schema` and fills them in one transaction.
    pub(crate) fn seeded(
        schema: &str,
        seed: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<Self> {
        let mut connection = Connection::open_in_memory()?;
        connection.set_prepared_statement_cache_capacity(64);
        // The data ends with the process, so the seed needs neither a journal nor synchronous writes.
        connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(schema)?;
        seed(&transaction)?;
        transaction.commit()?;
        connection.execute_batch("PRAGMA journal_mode = MEMORY;")?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Runs one query.
    ///
    /// # Errors
    /// A 500 problem if SQLite fails, which only a defect of the demo can cause.
    pub(crate) fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Problem> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        query(&connection).map_err(|error| Problem::internal(&error))
    }

    /// Runs `change` in a transaction. The transaction is rolled back if `change` fails or returns a problem.
    pub(crate) fn write<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = connection.transaction().and_then(|transaction| {
            let outcome = change(&transaction)?;
            if outcome.is_ok() {
                transaction.commit()?;
            }
            Ok(outcome)
        });
        outcome.map_err(|error| Problem::internal(&error))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_or_failed_change_is_undone() {
        let db = Db::seeded("CREATE TABLE t (n INTEGER UNIQUE) STRICT;", |rows| {
            rows.execute("INSERT INTO t VALUES (1)", []).map(drop)
        })
        .unwrap();
        let insert = |rows: &Transaction<'_>, n: u32| rows.execute("INSERT INTO t VALUES (?)", [n]);
        let refused = db.write::<()>(|rows| {
            insert(rows, 2)?;
            Ok(Err(Problem::conflict("no")))
        });
        let failed = db.write::<()>(|rows| {
            insert(rows, 3)?;
            insert(rows, 1)?;
            Ok(Ok(()))
        });
        assert!(refused.is_err() && failed.is_err());
        db.write(|rows| insert(rows, 4).map(Ok)).unwrap();
        let sum: u32 = db.read(|rows| rows.query_row("SELECT sum(n) FROM t", [], |row| row.get(0))).unwrap();
        assert_eq!(sum, 1 + 4);
    }
}
