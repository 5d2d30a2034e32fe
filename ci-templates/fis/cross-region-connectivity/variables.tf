# What differs from system to system. What has no default has to be given.

variable "name" {
  type        = string
  description = "Name of the experiment and of what belongs to it"
  default     = "cross-region-connectivity"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,27}$", var.name))
    error_message = "The name must be up to 28 lower-case letters, digits and hyphens."
  }
}

variable "environment" {
  type        = string
  description = "Value of the tag chaos of what may be hit; nothing else is"
  default     = "staging"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+$", var.environment))
    error_message = "The environment must match ^[A-Za-z0-9_.-]+$."
  }
}

variable "other_region" {
  type        = string
  description = "Region that can no longer be reached, such as eu-central-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.other_region))
    error_message = "The other_region must match ^[a-z]{2}(-[a-z]+)+-[0-9]$."
  }
}

variable "selection" {
  type        = string
  description = "Which of the tagged subnets, such as COUNT(1) or PERCENT(50), which is rounded down"
  default     = "COUNT(1)"

  validation {
    condition     = can(regex("^(COUNT\\([1-9][0-9]*\\)|PERCENT\\((100|[1-9][0-9]?)\\))$", var.selection))
    error_message = "The selection must match ^(COUNT\\([1-9][0-9]*\\)|PERCENT\\((100|[1-9][0-9]?)\\))$."
  }
}

variable "table_name" {
  type        = string
  description = "Global table that is no longer replicated"
  default     = "none"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{3,255}$", var.table_name))
    error_message = "The table_name must match ^[A-Za-z0-9_.-]{3,255}$."
  }
}

variable "bucket_name" {
  type        = string
  description = "Bucket that is no longer replicated, which may take an hour to begin; none is hit by default"
  default     = "none"

  validation {
    condition     = can(regex("^[a-z0-9.-]{3,63}$", var.bucket_name))
    error_message = "The bucket_name must match ^[a-z0-9.-]{3,63}$."
  }
}

variable "load_balancer" {
  type        = string
  description = "Application load balancer in front of it, such as app/staging/0123456789abcdef"

  validation {
    condition     = can(regex("^app/[^/]+/[0-9a-f]+$", var.load_balancer))
    error_message = "The load_balancer must match ^app/[^/]+/[0-9a-f]+$."
  }
}

variable "errors_per_minute" {
  type        = number
  description = "HTTP 5xx answers of the application in one minute that stop the experiment"
  default     = 10

  validation {
    condition     = var.errors_per_minute >= 1 && var.errors_per_minute <= 1000000
    error_message = "The errors_per_minute must be from 1 to 1000000."
  }
}

variable "minutes" {
  type        = number
  description = "Minutes without a connection"
  default     = 30

  validation {
    condition     = var.minutes >= 10 && var.minutes <= 180
    error_message = "The minutes must be from 10 to 180."
  }
}
