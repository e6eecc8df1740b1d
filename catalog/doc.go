// Package catalog holds what a site is and what it offers: keys, signed files, enrolment and the catalogue.
package catalog
