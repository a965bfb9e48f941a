//! Refuses an answer that names something with which it could reach out of its tests: files, other
//! programs, the environment. No answer needs it. Without `unsafe`, which the compiler refuses, a
//! program in Rust has to name these to use them.

use proc_macro2::{TokenStream, TokenTree};

/// The words, and what they stand for.
const REFUSED: [(&[&str], &str); 5] = [
    (&["process", "os", "net", "extern"], "other programs and the system"),
    (&["fs", "include", "include_str", "include_bytes", "path"], "files"),
    (&["env", "option_env"], "the environment"),
    (&["set_hook", "take_hook", "catch_unwind", "resume_unwind"], "panics of the tests"),
    (&["grading"], "the tests themselves"),
];

/// Fails with a reason. A text that is no Rust is left to the compiler.
pub(crate) fn check(answer: &str) -> Result<(), String> {
    answer.parse().map_or(Ok(()), check_tokens)
}

fn check_tokens(tokens: TokenStream) -> Result<(), String> {
    for token in tokens {
        match token {
            TokenTree::Group(group) => check_tokens(group.stream())?,
            TokenTree::Ident(word) => {
                let word = word.to_string();
                let word = word.trim_start_matches("r#");
                if let Some((_, what)) = REFUSED.iter().find(|(words, _)| words.contains(&word)) {
                    return Err(format!(
                        "refused: it names `{word}`, which stands for {what}; no answer needs it (if \
                         this is a name of yours, choose another one)"
                    ));
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    Ok(())
}
