// One signature by Go's standard library, which AWS's helper signs with: reads a certificate and its private
// key, checks that they belong together, and signs a fixed text. `go run benches/go/signature.go CERTIFICATE KEY`
package main

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"log"
	"os"
)

func main() {
	pair, err := tls.LoadX509KeyPair(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	digest := sha256.Sum256([]byte("a fixed text"))
	signature, err := pair.PrivateKey.(crypto.Signer).Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%x", signature)
}
