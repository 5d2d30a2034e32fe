//! The buckets of a world, as a test sees them.

use std::collections::BTreeMap;

use crate::world::account::World;

impl World {
    /// Makes a bucket in a Region, unless there is one of this name.
    pub fn make_bucket(&self, name: &str, region: &str) {
        self.change(|state| state.buckets.create(name, region));
    }

    /// Puts an object into a bucket that is there.
    pub fn put_object(&self, bucket: &str, key: &str, body: &str) {
        self.change(|state| state.buckets.put(bucket, key, body));
    }

    /// Returns the objects of a bucket by their keys.
    pub fn objects(&self, bucket: &str) -> BTreeMap<String, String> {
        self.read(|state| state.buckets.objects(bucket))
    }
}
