//! Puts the browser app into the binary: what the bundler left in `frontend/dist`, or, before it has run, a page
//! that says how to make it.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

const PLACEHOLDER: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Suntank</title>
<p>The browser app is not built. Run <code>make run</code>.</p>
</html>
";

fn main() -> io::Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let frontend = fs::canonicalize("../frontend")?;
    let dist = frontend.join("dist");
    let folder = if dist.join("index.html").is_file() {
        println!("cargo::rerun-if-changed={}", dist.display());
        dist
    } else {
        // The folder above it changes when it appears.
        println!("cargo::rerun-if-changed={}", frontend.display());
        placeholder(&out)?
    };
    let embed = true;
    let quiet = |_: &str| {};
    let code = memory_serve::assets_to_code("dist", &folder, &out, embed, quiet);
    fs::write(out.join("assets.rs"), code)
}

fn placeholder(out: &Path) -> io::Result<PathBuf> {
    let folder = out.join("placeholder");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("index.html"), PLACEHOLDER)?;
    Ok(folder)
}
