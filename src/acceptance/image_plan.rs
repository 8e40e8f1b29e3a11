//! The image's plan in one container, changed before the container starts. The image keeps its own.

use crate::engine::Engine;
use anyhow::{Context, Result};
use bollard::query_parameters::{DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder};
use bytes::Bytes;
use futures_util::TryStreamExt;
use podinit_plan::plan;
use serde_json::Value;
use std::io::Read;

/// Changes the plan in a container that has been created and not started.
///
/// # Errors
/// The image has no plan, or the engine cannot copy it.
pub async fn edit(engine: &Engine, container: &str, change: &(dyn Fn(&mut Value) + Send + Sync)) -> Result<()> {
    let failed = || format!("cannot read the plan {} of the image", plan::PATH);
    let download = DownloadFromContainerOptionsBuilder::new().path(plan::PATH).build();
    let chunks: Vec<Bytes> =
        engine.docker.download_from_container(container, Some(download)).try_collect().await.with_context(failed)?;
    let mut value = unpack(&chunks.concat()).with_context(failed)?;
    change(&mut value);

    let failed = || format!("cannot change the plan {} of a test's container", plan::PATH);
    let archive = pack(&value).with_context(failed)?;
    let upload = UploadToContainerOptionsBuilder::new().path("/").build();
    engine.docker.upload_to_container(container, Some(upload), bollard::body_full(archive.into())).await.with_context(failed)
}

/// The plan in an archive that holds nothing else.
fn unpack(archive: &[u8]) -> Result<Value> {
    let mut archive = tar::Archive::new(archive);
    let mut text = String::new();
    archive.entries()?.next().context("the engine's archive is empty")??.read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text)?)
}

fn pack(plan: &Value) -> Result<Vec<u8>> {
    let text = serde_json::to_vec(plan)?;
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, plan::PATH.trim_start_matches('/'), text.as_slice())?;
    Ok(archive.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let plan = serde_json::json!({"version": 1, "services": {"odd name": {}}});
        assert_eq!(unpack(&pack(&plan).unwrap()).unwrap(), plan);
    }
}
