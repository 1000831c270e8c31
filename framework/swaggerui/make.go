//go:build ignore

// Make makes page.html.gz and page.csp of page.html, page.css, page.js and the
// npm package swagger-ui-dist, and keeps the package's licences:
//
//	go generate ./framework/swaggerui
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
)

// integrity is what npm says of the package (npm view swagger-ui-dist@5.35.0
// dist.integrity).
const integrity = "sha512-U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn/h0wCDNsXdGarTNNHC3sU8yVUQ=="

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run make.go swagger-ui-dist.tgz")
	}
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(name string) error {
	archive, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	sum := sha512.Sum512(archive)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != integrity {
		return fmt.Errorf("%s is %s, want %s", name, got, integrity)
	}
	files, err := unpack(archive)
	if err != nil {
		return err
	}
	for _, license := range []string{"LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"} {
		if files[license] == nil {
			return fmt.Errorf("the package has no %s", license)
		}
		if err := os.WriteFile("dist/"+license, files[license], 0o644); err != nil {
			return err
		}
	}

	read := func(name string) string {
		data, readErr := os.ReadFile(name)
		err = errors.Join(err, readErr)
		return string(data)
	}
	template, css, js := read("page.html"), read("page.css"), read("page.js")
	if err != nil {
		return err
	}
	style, _, _ := strings.Cut(string(files["swagger-ui.css"]), "\n/*# sourceMappingURL=")
	style += css
	// What would end the script, or begin a comment in it (HTML, section
	// 4.12.1.3). Each is in a text or in a regular expression, where \x3C is "<".
	escape := strings.NewReplacer("<!--", `\x3C!--`, "<script", `\x3Cscript`, "</script", `\x3C/script`)
	script := escape.Replace(string(files["swagger-ui-bundle.js"])) + js
	if strings.Contains(strings.ToLower(style), "</style") {
		return errors.New("the style would end early")
	}
	page := strings.NewReplacer("{{style}}", style, "{{script}}", script).Replace(template)
	policy := "default-src 'none'; script-src " + hash(script) + "; style-src " + hash(style) +
		"; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\n"

	var b bytes.Buffer
	zip, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(zip, page); err != nil {
		return err
	}
	if err := zip.Close(); err != nil {
		return err
	}
	if err := os.WriteFile("page.csp", []byte(policy), 0o644); err != nil {
		return err
	}
	return os.WriteFile("page.html.gz", b.Bytes(), 0o644)
}

// hash is a source of a Content-Security-Policy.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// unpack returns the files of an npm package by their names.
func unpack(archive []byte) (map[string][]byte, error) {
	zip, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for r := tar.NewReader(zip); ; {
		head, err := r.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		files[strings.TrimPrefix(head.Name, "package/")] = data
	}
}
