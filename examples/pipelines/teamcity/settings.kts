// Deploys a stack of CloudFormation, with the rights for that stack only.
//
// The parent project has the password parameter env.AGENT_IDENTITY, which its builds inherit: the output of
// `cat certificate.crt private.key | base64 -w0`. Scripts take values from variables and parameters: Kotlin would
// replace a dollar and a name.
import jetbrains.buildServer.configs.kotlin.*
import jetbrains.buildServer.configs.kotlin.buildSteps.script

version = "2025.03"

project {
    buildType(Deploy)
}

object Deploy : BuildType({
    name = "Deploy"

    params {
        param("env.AWS_SIGNING_HELPER_CERTIFICATE", "env:AGENT_IDENTITY")
        param("env.AWS_SIGNING_HELPER_TRUST_ANCHOR_ARN", "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/TRUSTANCHORID")
        param("env.AWS_SIGNING_HELPER_PROFILE_ARN", "arn:aws:rolesanywhere:us-east-1:123456789012:profile/PROFILEID")
        param("env.AWS_SIGNING_HELPER_ROLE_ARN", "arn:aws:iam::123456789012:role/ci")
        param("deploy.role", "arn:aws:iam::123456789012:role/deploy")
        param("helper.version", "0.1.0")
        param("helper.sha256", "0000000000000000000000000000000000000000000000000000000000000000")
        param("helper.name", "aws_signing_helper-%helper.version%-x86_64-unknown-linux-musl")
    }

    vcs {
        root(DslContext.settingsRoot)
    }

    steps {
        script {
            name = "Download the helper"
            scriptContent = """
                set -eu
                curl -fsSLO "https://downloads.example.com/%helper.version%/%helper.name%.tar.gz"
                echo "%helper.sha256%  %helper.name%.tar.gz" | sha256sum -c
                tar -xzf "%helper.name%.tar.gz" --strip-components=1 "%helper.name%/aws_signing_helper"
            """.trimIndent()
        }
        script {
            name = "Deploy"
            scriptContent = """
                set -eu
                ./aws_signing_helper session-policy cloudformation-stack --stack-name web >policy.json
                ./aws_signing_helper exec --assume-role "%deploy.role%" --session-policy policy.json -- \
                    aws cloudformation deploy --stack-name web --template-file template.yml
            """.trimIndent()
        }
    }
})
