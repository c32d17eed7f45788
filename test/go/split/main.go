// SPDX-License-Identifier: Apache-2.0

// split checks evidence of two histories without any of Amane's code: golang.org/x/mod's
// sumdb/note and sumdb/tlog.
//
//	split EVIDENCE VKEY
//
// EVIDENCE is what a node publishes at /witness/evidence, or one split-*.json; VKEY is the
// key of the log. Each item must hold two notes signed by that key: `note` gives one root
// for its size, `known` is of a tree whose first entries, as many, hash to `root`, as `proof`
// shows, and that is another one. Exit 1 names what does not convict.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type item struct {
	Kind, Origin, Root, Note, Known string
	Size                            int64
	Proof                           []string
}

func die(format string, a ...interface{}) {
	fmt.Printf("FAILED: "+format+"\n", a...)
	os.Exit(1)
}

func open(key note.Verifier, text string) (tree tlog.Tree) {
	n, err := note.Open([]byte(text), note.VerifierList(key))
	if err != nil {
		die("note: %v", err)
	}
	line := strings.Split(n.Text, "\n")
	if len(line) != 4 || line[0] != key.Name() {
		die("note body: %q", n.Text)
	}
	if tree.N, err = strconv.ParseInt(line[1], 10, 64); err != nil {
		die("note size: %v", err)
	}
	if tree.Hash, err = tlog.ParseHash(line[2]); err != nil {
		die("note root: %v", err)
	}
	return tree
}

func check(key note.Verifier, one item) string {
	a, b := open(key, one.Note), open(key, one.Known)
	root, err := tlog.ParseHash(one.Root)
	if err != nil || a.N != one.Size || a.N < 1 {
		die("root of %d entries: %v", one.Size, err)
	}
	if a.N == b.N {
		if root != b.Hash || len(one.Proof) != 0 {
			die("the root is not that of the other note")
		}
	} else {
		var proof tlog.TreeProof
		for _, text := range one.Proof {
			h, err := base64.StdEncoding.DecodeString(text)
			if err != nil || len(h) != tlog.HashSize {
				die("proof: %q", text)
			}
			var hash tlog.Hash
			copy(hash[:], h)
			proof = append(proof, hash)
		}
		if err := tlog.CheckTree(proof, b.N, b.Hash, a.N, root); err != nil {
			die("from %d to %d: %v", a.N, b.N, err)
		}
	}
	if root == a.Hash {
		die("both notes are of one history")
	}
	return fmt.Sprintf("%d and %d entries", a.N, b.N)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: split EVIDENCE VKEY")
		os.Exit(2)
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		die("%v", err)
	}
	key, err := note.NewVerifier(os.Args[2])
	if err != nil {
		die("key: %v", err)
	}
	var all struct{ Items []item }
	if err := json.Unmarshal(text, &all); err != nil {
		die("%v", err)
	}
	if all.Items == nil {
		all.Items = make([]item, 1)
		if err := json.Unmarshal(text, &all.Items[0]); err != nil {
			die("%v", err)
		}
	}
	if len(all.Items) == 0 {
		die("no evidence")
	}
	var said []string
	for _, one := range all.Items {
		said = append(said, check(key, one))
	}
	fmt.Printf("convicted: %s\n", strings.Join(said, "; "))
}
