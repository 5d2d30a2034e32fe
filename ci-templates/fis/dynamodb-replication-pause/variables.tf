# What differs from system to system. What has no default has to be given.

variable "name" {
  type        = string
  description = "Name of the experiment and of what belongs to it"
  default     = "dynamodb-replication-pause"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,27}$", var.name))
    error_message = "The name must be up to 28 lower-case letters, digits and hyphens."
  }
}

variable "environment" {
  type        = string
  description = "Environment that is hit, as the template's tag says"
  default     = "staging"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+$", var.environment))
    error_message = "The environment must match ^[A-Za-z0-9_.-]+$."
  }
}

variable "table_name" {
  type        = string
  description = "Global table whose replica in this Region is cut off"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{3,255}$", var.table_name))
    error_message = "The table_name must match ^[A-Za-z0-9_.-]{3,255}$."
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
  description = "Minutes that replication stands still; it may go on for the first five"
  default     = 15

  validation {
    condition     = var.minutes >= 6 && var.minutes <= 180
    error_message = "The minutes must be from 6 to 180."
  }
}
