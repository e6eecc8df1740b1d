// Package apply writes an image to a directory from verified chunks that come in any order.
package apply
