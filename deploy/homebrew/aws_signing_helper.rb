class AwsSigningHelper < Formula
  desc "Temporary AWS credentials from an X.509 certificate"
  homepage "@URL@"
  url "@URL@/aws_signing_helper-@VERSION@.tar.gz"
  sha256 "@SHA256 aws_signing_helper-@VERSION@.tar.gz@"
  license "Apache-2.0"

  depends_on "rust" => :build

  def install
    system "cargo", "build", "--profile", "dist", "--locked", "--package", "rolesanywhere",
           "--bin", "aws_signing_helper"
    bin.install "target/dist/aws_signing_helper"
    man1.install Dir["man/*.1"]
    generate_completions_from_executable(bin/"aws_signing_helper", "completion", shells: [:bash, :zsh, :fish])
  end

  test do
    assert_equal version.to_s, shell_output("#{bin}/aws_signing_helper version").strip
  end
end
