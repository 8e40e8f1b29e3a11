//! What is in an image: its size, its description, and every byte of its layers.

use crate::engine::Engine;
use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use memchr::memmem::Finder;

/// A text that must not be found, and what it is called when it is.
pub struct Needle {
    /// The variable whose value it is.
    pub name: String,
    /// The value.
    pub value: String,
}

/// The image's size in bytes, as the engine counts it.
///
/// # Errors
/// There is no such image.
pub async fn size(engine: &Engine, image: &str) -> Result<u64> {
    let found = engine.docker.inspect_image(image).await.with_context(|| format!("cannot inspect the image {image}"))?;
    Ok(found.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0))
}

/// The image's description: configuration with its labels and variables, and the history of its layers, as JSON.
///
/// # Errors
/// There is no such image.
pub async fn description(engine: &Engine, image: &str) -> Result<Vec<u8>> {
    let context = || format!("cannot inspect the image {image}");
    let inspected = engine.docker.inspect_image(image).await.with_context(context)?;
    let history = engine.docker.image_history(image).await.with_context(context)?;
    let mut text = serde_json::to_vec(&inspected).with_context(context)?;
    text.extend(serde_json::to_vec(&history).with_context(context)?);
    Ok(text)
}

/// The names of the needles that are in `docker save` of the image.
///
/// # Errors
/// The engine cannot save it.
pub async fn search_saved(engine: &Engine, image: &str, needles: &[Needle]) -> Result<Vec<String>> {
    let saved = engine.docker.export_image(image);
    search(saved.map(|chunk| chunk.with_context(|| format!("cannot save the image {image}"))), needles).await
}

/// The names of the needles that are in the container's files. Some engines save layers compressed; this shows them.
///
/// # Errors
/// The engine cannot export it.
pub async fn search_files(engine: &Engine, container: &str, needles: &[Needle]) -> Result<Vec<String>> {
    let files = engine.docker.export_container(container);
    search(files.map(|chunk| chunk.with_context(|| format!("cannot export the container {container}"))), needles).await
}

async fn search(stream: impl Stream<Item = Result<Bytes>>, needles: &[Needle]) -> Result<Vec<String>> {
    let finders: Vec<(&str, Finder<'_>)> =
        needles.iter().map(|needle| (needle.name.as_str(), Finder::new(&needle.value))).collect();
    // What one chunk ends with and the next goes on with is looked at together.
    let overlap = needles.iter().map(|needle| needle.value.len().saturating_sub(1)).max().unwrap_or(0);
    let mut found: Vec<String> = Vec::new();
    let mut window: Vec<u8> = Vec::new();
    let mut stream = std::pin::pin!(stream);
    while let Some(chunk) = stream.next().await {
        window.drain(..window.len().saturating_sub(overlap));
        window.extend_from_slice(&chunk?);
        for (name, finder) in &finders {
            if !found.iter().any(|known| known == name) && finder.find(&window).is_some() {
                found.push((*name).to_owned());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_wherever_chunks_end() {
        let needles =
            ["secret-one", "secret-two", "other"].map(|value| Needle { name: value.to_uppercase(), value: value.to_owned() });
        for size in 1..20 {
            let text = b"....secret-two.....other..secret-on.";
            let chunks = text.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk)));
            let found = futures_util::stream::iter(chunks);
            let mut found =
                tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(search(found, &needles)).unwrap();
            found.sort();
            assert_eq!(found, ["OTHER", "SECRET-TWO"], "chunks of {size}");
        }
    }
}
