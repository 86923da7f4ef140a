//! The places of the project's files that the demo needs: GraphiQL's page and its tabs.

use std::path::{Path, PathBuf};

use super::layout::BffName;

/// The folder of the project.
#[derive(Debug, Clone)]
pub(super) struct Project {
    root: PathBuf,
}

impl Project {
    /// Finds the folder that this program was built from or, if it does not exist any more, the nearest project among
    /// the current folder and the folders above it. `None` if there is neither, as on a machine without the project.
    /// Everything but GraphiQL works then.
    pub(super) fn find() -> Option<Self> {
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf);
        let above = std::env::current_dir().ok();
        let above = above.iter().flat_map(|folder| folder.ancestors()).map(Path::to_path_buf);
        built_from.into_iter().chain(above).find_map(Self::at)
    }

    /// The project at `root`, if there is one.
    pub(super) fn at(root: PathBuf) -> Option<Self> {
        let is_project = root.join("demo/Cargo.toml").is_file() && root.join("bff-web/bff.yaml").is_file();
        is_project.then_some(Self { root })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of GraphiQL's page.
    pub(super) fn playground(&self) -> PathBuf {
        self.root.join("playground")
    }

    /// The folder of a BFF. The paths in its configuration are relative to this folder.
    pub(super) fn bff(&self, name: BffName) -> PathBuf {
        self.root.join(format!("bff-{}", name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_that_was_built_is_found() {
        let found = Project::find().unwrap();
        assert!(found.bff(BffName::Mobile).join("bff.yaml").is_file());
        assert!(Project::at(std::env::temp_dir()).is_none());
    }
}
