export AWS_SIGNING_HELPER_CERTIFICATE=certificate.crt AWS_SIGNING_HELPER_PRIVATE_KEY=private.key

# Trust anchor, profile and role: the template makes them, and its outputs are the three ARNs.
aws_signing_helper trust-policy --trust-anchor-certificate ca.crt --format cloudformation > template.json
export AWS_SIGNING_HELPER_TRUST_ANCHOR_ARN="$TRUSTANCHORARN"
export AWS_SIGNING_HELPER_PROFILE_ARN="$PROFILEARN" AWS_SIGNING_HELPER_ROLE_ARN="$ROLEARN"
aws_signing_helper trust-policy > policy.json
aws_signing_helper trust-policy --explain --policy policy.json

aws_signing_helper doctor --identity
aws_signing_helper configure --profile default --region us-east-1
aws sts get-caller-identity
aws_signing_helper exec -- aws sts get-caller-identity
