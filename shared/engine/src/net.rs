//! Public is arithmetic, not text: address spaces, counts, and the unions that let the internet in.

mod exposure;
mod measure;
mod space;
mod unions;

pub use exposure::{Candidate, Exposure, Sources, Tolerate};
pub(crate) use space::everything;
pub use space::{Count, Family, Range, public_count, range_of};
pub use unions::exposed;
