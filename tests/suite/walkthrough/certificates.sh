openssl genrsa -out ca.key 2048
openssl req -new -x509 -days 1826 -key ca.key -subj /CN=ca.example.com \
    -addext 'keyUsage=critical,keyCertSign,cRLSign,digitalSignature' \
    -addext 'basicConstraints=critical,CA:TRUE' -out ca.crt
openssl genrsa -out private.key 2048
cat > extensions.cnf <<EOT
[v3_ca]
keyUsage = digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment
EOT
openssl req -new -key private.key -subj /CN=cicd-agent.example.com -out iamra-cert.csr
openssl x509 -req -days 7 -in iamra-cert.csr -CA ca.crt -CAkey ca.key -set_serial 01 \
    -extfile extensions.cnf -extensions v3_ca -out certificate.crt
