#!/usr/bin/env bash
# Make everything the demo and the tests need: system libraries, .venv, the package with its tools.
# Quick when nothing has changed. PYTHON=/path/to/python chooses the interpreter; VENV=folder another environment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=${VENV:-.venv}
stamp="$venv/.conceptstain-installed"
newest_tried=2.13.0 # the torch release that the bundled weights and the tests were made with

say() { printf '%s\n' "setup: $*"; }
stop() {
    printf '%s\n' "setup: $*" >&2
    exit 1
}

# Prefix for commands that need the administrator; "none" where there is no way to become one.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        echo ""
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        echo "sudo -n"
    else
        echo "none"
    fi
}

# Install those of the Debian packages "$@" that are missing, or say which they are.
install_debian() {
    command -v dpkg-query >/dev/null || return 0
    local missing=() package root
    for package in "$@"; do
        dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    root=$(as_root)
    if [ "$root" = none ]; then
        say "these Debian packages are missing and need an administrator: sudo apt-get install ${missing[*]}"
        return 0
    fi
    say "installing ${#missing[@]} Debian packages: ${missing[*]}"
    $root apt-get update -qq || say "apt-get update failed; trying with the lists that are here"
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null ||
        stop "apt-get could not install: ${missing[*]}"
}

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# The newest python that the dependencies have wheels for.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
        if command -v "$candidate" >/dev/null && is_new_enough "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

make_venv() {
    [ ! -x "$venv/bin/python" ] || ! is_new_enough "$venv/bin/python" || return 0
    local python
    if ! python=$(find_python); then
        install_debian python3 python3-venv
        python=$(find_python) || stop "Python 3.11 or newer is needed and none was found. Install one, or name it: make demo PYTHON=/path/to/python3.12"
    fi
    say "making $venv with $("$python" --version) ($python)"
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        install_debian python3-venv "$(basename "$(readlink -f "$python")")-venv"
    fi
    "$python" -m venv --clear "$venv" || stop "$python cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv"
}

pip_install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --timeout 120 --retries 5 "$@"; }

install_package() {
    say "installing torch (the largest download; several minutes on a slow line)"
    pip_install "torch==$newest_tried" || {
        say "torch $newest_tried is not to be had for this Python; taking the newest that is"
        pip_install "torch>=2.6" || stop "torch could not be installed; the README tells how to get its CPU-only build"
    }
    say "installing napari, Qt and the package with its test and development tools"
    pip_install --editable ".[all,test,dev]" || stop "the package could not be installed; the lines above tell why"
}

# What an installation depends on: the declared dependencies, the interpreter, and where the checkout lies.
fingerprint() { { cat pyproject.toml hatch_build.py scripts/setup.sh && "$venv/bin/python" --version && pwd; } | cksum; }

if [ "$(uname -s)" = Linux ]; then
    # What PyQt6, OpenGL and a virtual screen need on a machine without a desktop.
    libgl=libgl1
    glib=libglib2.0-0
    if command -v apt-cache >/dev/null && apt-cache show libglib2.0-0t64 >/dev/null 2>&1; then glib=libglib2.0-0t64; fi
    install_debian xvfb xauth libegl1 "$libgl" libgl1-mesa-dri libopengl0 "$glib" libdbus-1-3 libfontconfig1 libxkbcommon-x11-0 \
        libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0
fi

make_venv
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint)" ]; then
    exit 0
fi
install_package
fingerprint >"$stamp"
say "ready: $("$venv/bin/python" -c 'import conceptstain; print("conceptstain", conceptstain.__version__)') in $venv"
