//! Reading a story's text into steps.

use super::record::split_words;

/// The text of a block and where it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    /// `1..`, of the line before the block.
    pub(crate) line: usize,
    /// Without indentation.
    pub(crate) lines: Vec<(usize, String)>,
}

/// A line and the indented block behind it.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) words: Vec<String>,
    pub(crate) block: Block,
}

/// One story.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) line: usize,
    pub(crate) title: String,
    /// Those of the file's head first.
    pub(crate) steps: Vec<Step>,
}

impl Block {
    /// The text with line numbers as they are in the file.
    pub(crate) fn text(&self) -> String {
        let mut text = "\n".repeat(self.line);
        self.lines.iter().for_each(|(_, line)| text.extend([line, "\n"]));
        text
    }
}

/// Reads a file.
pub(crate) fn read(text: &str) -> Vec<Story> {
    let (mut head, mut stories): (Vec<Step>, Vec<Story>) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let (indented, trimmed) = (line.starts_with(' '), line.trim());
        if let Some(title) = line.strip_prefix("story ") {
            stories.push(Story { line: number, title: title.to_owned(), steps: head.clone() });
            continue;
        }
        let steps = stories.last_mut().map_or(&mut head, |story| &mut story.steps);
        // In a block, what is a comment is for the block's own reader to say; line numbers stay right.
        if indented && !steps.is_empty() {
            let text = line.strip_prefix("    ").unwrap_or(trimmed).to_owned();
            let last = steps.last().map(|step| step.block.line);
            let repeated = steps.iter_mut().rev().take_while(|step| Some(step.block.line) == last);
            repeated.for_each(|step| step.block.lines.push((number, text.clone())));
        } else if trimmed.is_empty() {
            // A block ends with its last line that has something in it.
            if let Some(step) = steps.last_mut().filter(|step| !step.block.lines.is_empty()) {
                step.block.lines.push((number, String::new()));
            }
        } else if !trimmed.starts_with('#') {
            let step =
                |line: String| Step { words: split_words(&line), block: Block { line: number, lines: Vec::new() } };
            steps.extend(repeat(trimmed).into_iter().map(step));
        }
    }
    stories
}

/// A line told several times: `3x … {n} …` becomes three lines with 0, 1, 2 in the place of `{n}`, and with the two
/// octets of that number in the places of `{high}` and `{low}`.
pub(crate) fn repeat(line: &str) -> Vec<String> {
    let (count, rest) = line.split_once(' ').unwrap_or((line, ""));
    match count.strip_suffix('x').and_then(|count| count.parse::<usize>().ok()) {
        None => vec![line.to_owned()],
        Some(count) => (0..count).map(|n| fill(rest, n)).collect(),
    }
}

fn fill(text: &str, n: usize) -> String {
    text.trim()
        .replace("{n}", &n.to_string())
        .replace("{high}", &(n / 256).to_string())
        .replace("{low}", &(n % 256).to_string())
}
