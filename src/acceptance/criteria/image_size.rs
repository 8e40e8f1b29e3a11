//! The image is no larger than `acceptance.image_size`. Witness: the engine's count of its bytes.

use super::super::context::Context;
use super::super::report::Outcome;
use super::super::witness::image;
use anyhow::Result;
use podinit_plan::units::format_size;

pub(super) async fn judge(context: &Context<'_>) -> Result<Outcome> {
    let Some(limit) = context.pod.acceptance.image_size_bytes else {
        return Ok(Outcome::Skipped("the pod sets no acceptance.image_size".to_owned()));
    };
    let size = image::size(context.engine, context.image).await?;
    let text = format!("{}, {} allowed", format_size(size), format_size(limit));
    Ok(if size <= limit { Outcome::Passed(text) } else { Outcome::Failed(text) })
}
