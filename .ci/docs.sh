#!/usr/bin/env bash
# The documents: links lead to files that exist, and tests that are named exist.
set -euo pipefail
cd "$(dirname "$0")/.."

wrong=0
for page in ./*.md docs/*.md emulator/README.md fixtures/README.md; do
    for link in $(grep -oE '\]\([^)#]+' "$page" | cut -c3- | grep -vE '^(https?|mailto):'); do
        if [ ! -e "$(dirname "$page")/$link" ]; then
            echo "$page: there is no $link"
            wrong=1
        fi
    done
done

# Anchors: a heading in lower case, without punctuation, with dashes for spaces.
slugs() {
    grep -E '^#+ ' "$1" | sed -E 's/^#+ //; s/[^[:alnum:] _-]//g; s/ /-/g' | tr '[:upper:]' '[:lower:]'
}
for page in ./*.md docs/*.md emulator/README.md; do
    for link in $(grep -oE '\]\([^):]*#[^)]+' "$page" | cut -c3-); do
        file=${link%%#*}
        target=$page
        [ -z "$file" ] || target=$(dirname "$page")/$file
        if [ -f "$target" ] && ! slugs "$target" | grep -qxF "${link#*#}"; then
            echo "$page: $target has no heading ${link#*#}"
            wrong=1
        fi
    done
done

# Names of tests are sentences: four words and more, joined by underscores.
for name in $(grep -ohE '`[a-z0-9]+(_[a-z0-9]+){3,}`' docs/*.md | tr -d '`' | sort -u); do
    if ! grep -rqE "fn $name\(|^ +$name\($" src tests emulator; then
        echo "docs: there is no test $name"
        wrong=1
    fi
done
exit $wrong
