mod cookbook;
mod early;
mod evaluate;
mod files;
#[path = "../../engine/tests/hostile/mod.rs"]
mod hostile;
mod report;
mod schema;
mod shipped;
mod until;
mod world;
