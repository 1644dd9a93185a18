"""The README's first command as a new user meets it: runs it, then again with `-- --keep`, pastes each line
that it prints into a shell with boto3 and the AWS CLI, and prints the processor time of the first build."""

import json
import os
import re
import resource
import shlex
import subprocess
import sys
import urllib.request

LIMIT = 900


def first_command():
    return re.search(r"^cargo run .*$", open("README.md").read(), re.MULTILINE).group()


def paste(line, credentials):
    """Runs one printed line, and checks that it did what its heading promises."""
    if " serve " in line:
        return serve(line)
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=LIMIT)
    refusal = "--region eu-west-1" in line
    assert done.returncode == (1 if refusal else 0), (line, done)
    if refusal:
        assert "AccessDeniedException" in done.stderr and "hint:" in done.stderr, done.stderr
    elif " update " in line:
        assert "ASIAEMULATOR" in open(credentials).read()
    elif "configure list" in line:
        assert "custom-process" in done.stdout, done.stdout
    else:
        assert "ASIAEMULATOR" in done.stdout, done.stdout
    return "exit %d" % done.returncode


def serve(line):
    # exec: the process that is ended is the helper.
    child = subprocess.Popen(["bash", "-c", "exec " + line], stderr=subprocess.PIPE, text=True)
    try:
        address = next(match for said in child.stderr if (match := re.search(r"http://\S+", said))).group()
        request = urllib.request.Request(address + "latest/api/token", method="PUT")
        request.add_header("X-aws-ec2-metadata-token-ttl-seconds", "60")
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200
    finally:
        child.terminate()
    return "exit %d after SIGTERM" % child.wait(timeout=60)


def main():
    command = first_command()
    done = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, text=True, timeout=LIMIT)
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["Version"] == 1
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print("processor time of `%s`: %.0f s" % (command, used.ru_utime + used.ru_stime))

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    kept = subprocess.Popen(
        shlex.split(command) + ["--", "--keep"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines, credentials = [], None
    for said in kept.stderr:
        if said.startswith("  ") and not said.startswith("   ") and ("aws" in said or "python3" in said):
            lines.append(said.strip())
        if "--credentials-file" in said:
            words = shlex.split(said)
            credentials = words[words.index("--credentials-file") + 1]
        if said.startswith("For a real AWS account"):
            break
    assert len(lines) == 6, lines
    for line in lines:
        print("%s\n    %s" % (re.sub(r"(--certificate ).*(--endpoint)", r"\1... \2", line), paste(line, credentials)))
    kept.communicate("\n", timeout=60)
    assert kept.returncode == 0, kept.returncode
    assert not os.path.exists(credentials), "the folder of the walkthrough is still there"


if __name__ == "__main__":
    sys.exit(main())
