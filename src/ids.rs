//! The ids of invocations, of which each run's identity holds one.

/// Returns eight characters that are new for each invocation.
pub(crate) fn make_id() -> String {
    format!("{:08x}", fastrand::u32(..))
}
