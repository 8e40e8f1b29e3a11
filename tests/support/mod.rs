//! What the tests against real things share.

use libtest_mimic::{Failed, Trial};
use podctl::engine::Engine;
use std::future::Future;

/// Says in the list of tests why one was ignored.
pub const NEEDS_ENGINE: &str = "needs a Docker engine";

/// Runs a future to its end.
#[expect(clippy::expect_used, reason = "without a runtime no test can be run")]
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(future)
}

/// Whether an engine answers.
pub fn has_engine() -> bool {
    block_on(Engine::connect()).is_ok()
}

/// A test that needs an engine; ignored where `has_engine` is false.
pub fn with_engine<F>(name: &str, has_engine: bool, test: impl FnOnce(Engine) -> F + Send + 'static) -> Trial
where
    F: Future<Output = anyhow::Result<()>>,
{
    let run = move || {
        let result = block_on(async { test(Engine::connect().await?).await });
        result.map_err(|error| Failed::from(format!("{error:#}")))
    };
    Trial::test(name, run).with_kind(NEEDS_ENGINE).with_ignored_flag(!has_engine)
}
