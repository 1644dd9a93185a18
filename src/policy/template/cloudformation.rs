//! A template of CloudFormation
//! ([resources](https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_RolesAnywhere.html)).

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::Template;

/// The template, as JSON.
pub fn cloudformation(template: &Template<'_>) -> String {
    let mut resources = Map::new();
    let mut outputs = Map::new();
    let mut policy = template.policy();
    if let Some(pem) = template.authorities {
        if let Some(source) = policy.pointer_mut(SOURCE_ARN) {
            *source = json!({"Fn::GetAtt": ["TrustAnchor", "TrustAnchorArn"]});
        }
        resources.insert("TrustAnchor".to_owned(), trust_anchor(template, pem));
        resources.insert("Profile".to_owned(), profile(template));
        for output in ["TrustAnchor", "Profile"] {
            let arn = format!("{output}Arn");
            let value = json!({"Value": {"Fn::GetAtt": [output, arn]}});
            outputs.insert(arn, value);
        }
    }
    resources.insert("Role".to_owned(), role(template, policy));
    outputs.insert(
        "RoleArn".to_owned(),
        json!({"Value": {"Fn::GetAtt": ["Role", "Arn"]}}),
    );
    let document = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": resources,
        "Outputs": outputs,
    });
    format!("{document:#}\n")
}

fn trust_anchor(template: &Template<'_>, pem: &str) -> Value {
    json!({
        "Type": "AWS::RolesAnywhere::TrustAnchor",
        "Properties": {
            "Name": template.name(),
            "Enabled": true,
            "Source": {
                "SourceType": "CERTIFICATE_BUNDLE",
                "SourceData": {"X509CertificateData": pem},
            },
        },
    })
}

fn profile(template: &Template<'_>) -> Value {
    json!({
        "Type": "AWS::RolesAnywhere::Profile",
        "Properties": {
            "Name": template.name(),
            "Enabled": true,
            "RoleArns": [{"Fn::GetAtt": ["Role", "Arn"]}],
        },
    })
}

fn role(template: &Template<'_>, policy: Value) -> Value {
    let mut properties = Map::new();
    properties.insert("AssumeRolePolicyDocument".to_owned(), policy);
    if let Some((name, path)) = template.role_name() {
        properties.insert("RoleName".to_owned(), name.into());
        properties.extend(path.map(|path| ("Path".to_owned(), path.into())));
    }
    json!({"Type": "AWS::IAM::Role", "Properties": properties})
}

/// The policy's one condition on the trust anchor (RFC 6901).
const SOURCE_ARN: &str = "/Statement/0/Condition/ArnEquals/aws:SourceArn";
