//! The results that a merge is given: files, folders and folders in S3, and the attempts among them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::trouble::MergeTrouble;
use faultgate_core::mistake::Mistake;
use faultgate_net::aws::s3::{S3Address, S3Bucket};
use faultgate_report as report;

/// Largest number of results that are merged.
const MAX_RESULTS: usize = 20_000;
/// Largest number of pages of a list that are read. A page has up to 1,000 objects.
const MAX_PAGES: usize = 200;
/// Largest number of files and folders that are looked at for results.
const MAX_ENTRIES: usize = 200_000;
/// Most bytes of all objects that are read.
const MAX_TOTAL_BYTES: u64 = 8 << 30;
/// Files beside a result that faultgate writes too, and that are none.
const NO_RESULTS: [&str; 2] = ["annotations.json", "state.json"];
/// The end of the name of a result.
const SUFFIX: &str = ".json";

/// The place of one result.
#[derive(Debug, Clone)]
pub(super) enum ResultSource {
    File(PathBuf),
    Object(Rc<S3Bucket>, S3Address),
}

impl ResultSource {
    /// Returns the name by which messages know the result.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Object(_, address) => address.to_string(),
        }
    }

    /// Returns the number of the attempt that its name tells.
    pub(super) fn attempt(&self) -> u32 {
        let name = self.name();
        split_attempt(name.rsplit('/').next().unwrap_or_default()).1
    }
}

/// The results that were found: the attempts of one part stand together.
#[derive(Debug, Default)]
pub(super) struct FoundResults {
    /// The attempts of each part, in the order in which the parts were found.
    pub(super) parts: Vec<Vec<ResultSource>>,
    places: BTreeMap<(String, String), usize>,
    count: usize,
    bytes: u64,
}

impl FoundResults {
    /// Adds a result that was named by itself, whatever its name is.
    pub(super) fn add_file(&mut self, path: &Path) {
        self.parts.push(vec![ResultSource::File(path.to_path_buf())]);
        self.count += 1;
    }

    /// Adds all results in a folder and below it, in the order of their names, and returns how many these are.
    pub(super) fn add_folder(&mut self, folder: &Path) -> Result<usize, Mistake> {
        let before = self.count;
        for path in find_results(folder)? {
            let name = path.to_string_lossy().into_owned();
            self.add(&name, ResultSource::File(path), 0)?;
        }
        Ok(self.count - before)
    }

    /// Adds all results in a folder of S3, and returns how many these are.
    pub(super) async fn add_objects(
        &mut self,
        bucket: &Rc<S3Bucket>,
        folder: &S3Address,
    ) -> Result<usize, MergeTrouble> {
        let before = self.count;
        let mut token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let page = bucket.list(&folder.key, token.as_deref()).await;
            let page = page.map_err(|failure| MergeTrouble::of_s3(&folder.to_string(), failure))?;
            for (key, size) in page.objects {
                if is_kept_result(key.rsplit('/').next().unwrap_or_default()) {
                    let address = S3Address { bucket: folder.bucket.clone(), key };
                    let name = address.to_string();
                    self.add(&name, ResultSource::Object(Rc::clone(bucket), address), size)?;
                }
            }
            token = page.next;
            if token.is_none() {
                return Ok(self.count - before);
            }
        }
        let what = format!("the list of its objects does not end within {MAX_PAGES} pages");
        Err(Mistake::new(folder.to_string(), what).hint("merge the folder of one run alone").into())
    }

    fn add(&mut self, name: &str, source: ResultSource, bytes: u64) -> Result<(), Mistake> {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.count > MAX_RESULTS || self.bytes > MAX_TOTAL_BYTES {
            let gib = MAX_TOTAL_BYTES >> 30;
            let what = format!("there are more than {MAX_RESULTS} results, or more than {gib} GiB of them");
            return Err(Mistake::new(name, what).hint("merge the folder of one run alone"));
        }
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        let part = (folder.to_owned(), split_attempt(file).0.to_owned());
        let place = *self.places.entry(part).or_insert(self.parts.len());
        match self.parts.get_mut(place) {
            Some(attempts) => attempts.push(source),
            None => self.parts.push(vec![source]),
        }
        Ok(())
    }
}

/// Finds the files in a folder and below it that should be results, in the order of their names.
pub(crate) fn find_results(folder: &Path) -> Result<Vec<PathBuf>, Mistake> {
    let place = folder.display().to_string();
    let unreadable = |error: std::io::Error| Mistake::new(&place, format!("{place} cannot be read: {error}"));
    let (mut folders, mut found, mut looked) = (vec![folder.to_path_buf()], Vec::new(), 0_usize);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            looked += 1;
            if looked > MAX_ENTRIES {
                let what = format!("{place} has more than {MAX_ENTRIES} files and folders");
                return Err(Mistake::new(&place, what).hint("name the folder of the results alone"));
            }
            // A link to a folder could lead round in a circle, so it is not followed.
            if entry.file_type().map_err(unreadable)?.is_dir() {
                folders.push(entry.path());
            } else if is_result(&entry.file_name().to_string_lossy()) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Returns `true` for the name of a file in a folder that should be a result.
fn is_result(name: &str) -> bool {
    is_kept_result(name) && !NO_RESULTS.contains(&name)
}

/// Returns `true` for the name of an object that should be a result. Nothing else is written beside results in S3, and
/// an experiment may be named as a file of the report folder is.
fn is_kept_result(name: &str) -> bool {
    name.strip_suffix(SUFFIX).is_some_and(|part| part != report::MERGED_NAME)
}

/// Returns the name of the part in the name of a file, and the number of the attempt. The first attempt has none in
/// its name.
fn split_attempt(file: &str) -> (&str, u32) {
    let name = file.strip_suffix(SUFFIX).unwrap_or(file);
    let split = name.rsplit_once('.').and_then(|(part, number)| Some((part, read_attempt(number)?)));
    split.unwrap_or((name, 1))
}

/// Reads the number of an attempt, as a run writes it into a name.
fn read_attempt(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|number| is_number && *number > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_of_one_part_stand_together() {
        let split = ["az.json", "az.2.json", "az.12.json"].map(split_attempt);
        assert_eq!(split, [("az", 1), ("az", 2), ("az", 12)]);
        let whole = ["az.1.json", "az.02.json", "v1.x.json"].map(split_attempt);
        assert_eq!(whole, [("az.1", 1), ("az.02", 1), ("v1.x", 1)]);
        assert!(is_result("result.json") && is_result("az.2.json") && is_kept_result("state.json"));
        for other in ["annotations.json", "state.json", "_merged.json", "plan.jsonl", "junit.xml"] {
            assert!(!is_result(other), "{other}");
        }
    }

    #[test]
    fn a_folder_is_searched_to_its_depth() {
        let dir = tempfile::tempdir().unwrap();
        for file in
            ["b/result.json", "a/result.json", "a/annotations.json", "a/deep/er.2.json", "a/deep/er.json"]
        {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "{}").unwrap();
        }
        std::os::unix::fs::symlink(dir.path(), dir.path().join("a/round")).unwrap();
        let mut found = FoundResults::default();
        assert_eq!(found.add_folder(dir.path()).unwrap(), 4);
        let names = found.parts.iter().map(|part| {
            let names = part.iter().map(|source| source.name().replace(dir.path().to_str().unwrap(), ""));
            names.collect::<Vec<_>>()
        });
        assert_eq!(
            names.collect::<Vec<_>>(),
            [vec!["/a/deep/er.2.json", "/a/deep/er.json"], vec!["/a/result.json"], vec!["/b/result.json"]]
        );
        std::fs::create_dir(dir.path().join("none")).unwrap();
        assert_eq!(FoundResults::default().add_folder(&dir.path().join("none")).unwrap(), 0);
        assert!(FoundResults::default().add_folder(&dir.path().join("not there")).is_err());
    }
}
