//! superlance's programs, unmodified.
