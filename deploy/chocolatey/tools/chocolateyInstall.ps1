# Chocolatey puts aws_signing_helper.exe on the PATH, and removes both with the package.
$ErrorActionPreference = 'Stop'
Install-ChocolateyZipPackage `
    -PackageName $env:ChocolateyPackageName `
    -UnzipLocation (Split-Path -Parent $MyInvocation.MyCommand.Definition) `
    -Url64bit '@URL@/aws_signing_helper-@VERSION@-x86_64-pc-windows-gnu.zip' `
    -Checksum64 '@SHA256 aws_signing_helper-@VERSION@-x86_64-pc-windows-gnu.zip@' `
    -ChecksumType64 'sha256'
