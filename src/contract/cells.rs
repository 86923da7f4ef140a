//! Cells: values that are made when they are first asked for, and that never move.
//!
//! In: indices from 0. Out: a cell for each index, which is empty until it is set.
//!
//! Always true: a reference to a value lives as long as the cells, even though cells are added through a shared
//! reference.

use std::sync::OnceLock;

/// The size of the first chunk. Each further chunk is twice as large as the one before.
const FIRST: usize = 64;
/// The number of chunks, which together have room for 2³⁰ cells.
const CHUNKS: usize = 24;

type Chunk<T> = OnceLock<Box<[OnceLock<T>]>>;

/// A growing list of cells.
#[derive(Debug)]
pub(super) struct Cells<T> {
    chunks: [Chunk<T>; CHUNKS],
}

impl<T> Default for Cells<T> {
    fn default() -> Self {
        Self { chunks: std::array::from_fn(|_| OnceLock::new()) }
    }
}

impl<T> Cells<T> {
    /// Gives the cell at an index; `None` if the chunks have no room for the index.
    pub(super) fn cell(&self, index: usize) -> Option<&OnceLock<T>> {
        let chunk = (index / FIRST + 1).ilog2() as usize;
        let cells = self.chunks.get(chunk)?;
        let size = FIRST << chunk;
        let cells = cells.get_or_init(|| (0..size).map(|_| OnceLock::new()).collect());
        cells.get(index + FIRST - size)
    }
}

#[cfg(test)]
mod tests {
    use super::Cells;

    #[test]
    fn each_index_has_a_cell_of_its_own() {
        let cells: Cells<usize> = Cells::default();
        for index in (0..2_000).rev() {
            assert!(cells.cell(index).unwrap().set(index).is_ok(), "{index}");
        }
        assert!((0..2_000).all(|index| cells.cell(index).unwrap().get() == Some(&index)));
        assert!(cells.cell(usize::MAX / 2).is_none());
    }
}
